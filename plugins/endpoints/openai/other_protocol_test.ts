import { assertEquals, assertStringIncludes } from "@std/assert";

import { mockServer } from "../../../tasks/bench/eval/mock_server.ts";
import type { Completion } from "../../kinds/endpoint.ts";
import openaiPlugin, { openaiEndpoint } from "../openai.ts";
import { otherProtocol } from "./other_protocol.ts";

async function askAt(api_base: string): Promise<Completion> {
  const endpoint = openaiEndpoint(openaiPlugin.options.parse({ name: "m", api_base, key: "none" }));
  const request = {
    messages: [{ role: "user" as const, content: "hi" }],
    temperature: 0,
    top_p: 1,
    max_tokens: 5,
  };
  return await endpoint.complete(request, new AbortController().signal);
}

Deno.test("openai: https where http is spoken stops a run at once, with the address that answers", async () => {
  await using server = mockServer();
  const { failure, error } = await askAt(server.base.replace("http:", "https:"));
  assertEquals(failure?.kind, "refused", error);
  assertStringIncludes(error!, "doesn't speak https; if it is http, set args.api_base to http://");
});

Deno.test("openai: what doesn't speak http isn't asked again and again", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const serving = (async () => {
    using socket = await listener.accept();
    await socket.read(new Uint8Array(65536));
    // an alert of TLS, as a server of https answers plain http
    await socket.write(Uint8Array.of(21, 3, 1, 0, 2, 2, 70));
  })();
  const { failure, error } = await askAt(`http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/v1`);
  await serving;
  listener.close();
  assertEquals(failure?.kind, "refused", error);
  assertStringIncludes(error!, "doesn't speak http; if it is https, set args.api_base to https://");
});

Deno.test("openai: a connection that is closed is told alike each time, without the port that the request had here", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const base = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/v1`;
  const serving = (async () => {
    for (let i = 0; i < 2; i++) {
      using socket = await listener.accept();
      await socket.read(new Uint8Array(65536));
    }
  })();
  const errors = [(await askAt(base)).error, (await askAt(base)).error];
  await serving;
  listener.close();
  assertEquals(errors[0], errors[1]);
  assertStringIncludes(errors[0]!, `${base}: the connection broke off (client error (SendRequest)`);
});

Deno.test("otherProtocol(): a certificate that nobody trusts names the variables that help", () => {
  // what Deno 2.9.6 says of one that openssl made and signed by itself
  const said = "error sending request for url (https://localhost:4433/v1/chat/completions): " +
    "client error (Connect): invalid peer certificate: UnknownIssuer";
  assertStringIncludes(
    otherProtocol(said)!,
    "its certificate isn't trusted (UnknownIssuer); name a PEM file",
  );
  assertStringIncludes(otherProtocol(said)!, "DENO_CERT, or set DENO_TLS_CA_STORE=system");
  assertEquals(
    otherProtocol("client error (SendRequest): connection closed before message completed"),
    undefined,
  );
});
