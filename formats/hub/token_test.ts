import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeHub } from "../../tests/helpers/fake_hub.ts";
import { resolveModel } from "./mod.ts";
import { assertWhole, fileList, modelFiles, NAME, withHub } from "./_model_hub.ts";

Deno.test("the token goes to the hub's origin only: not to where a redirect or a Link leads", async () => {
  await using cdn = new FakeHub(modelFiles());
  const redirects = {
    token: "hf_secret",
    answer({ pathname, search, port }: URL): Response | undefined {
      const there = `${cdn.endpoint}${pathname}${search}`;
      if (pathname.includes("/resolve/")) return Response.redirect(there, 302);
      if (!pathname.includes("/tree/") || port === new URL(cdn.endpoint).port) return undefined;
      // one file of its own, the others on a page of another origin
      return new Response(fileList({ path: "notes.md" }), {
        headers: { link: `<${there}>; rel="next"` },
      });
    },
  };
  await withHub(redirects, async (hub, options) => {
    assertWhole(await resolveModel(NAME, { ...options, token: "hf_secret" }));
    assertEquals(hub.authorizations, new Set(["Bearer hf_secret"]));
    assertEquals(cdn.authorizations, new Set([null]));
    assert(cdn.log.includes("config.json"), "downloads came from there");
  });
});

Deno.test("a redirect within the hub keeps the token, one that goes round ends", () =>
  withHub({
    token: "hf_secret",
    answer: ({ pathname, origin }) =>
      pathname.startsWith("/api/") && !pathname.startsWith("/api/models/tiny")
        ? undefined
        : pathname === `/api/models/${NAME}/revision/main`
        ? Response.redirect(`${origin}/api/models/tiny/round`, 307)
        : pathname === "/api/models/tiny/round"
        ? Response.redirect(`${origin}/api/models/tiny/round`, 307)
        : undefined,
  }, async (hub, options) => {
    await assertRejects(
      () => resolveModel(NAME, { ...options, token: "hf_secret" }),
      Error,
      "more than 10 redirects",
    );
    assertEquals(hub.authorizations, new Set(["Bearer hf_secret"]));
  }));

Deno.test("an address of a hub that is none is refused, its user part hidden", async () => {
  const error = await assertRejects(
    () => resolveModel(NAME, { endpoint: "ftp://me:s3cr3t@host", offline: false }),
    RangeError,
    "must begin with http",
  );
  assert(!error.message.includes("s3cr3t"), error.message);
  const gone = await assertRejects(
    () => resolveModel(NAME, { endpoint: "http://me:s3cr3t@127.0.0.1:1", offline: false }),
    Error,
    "can't be reached",
  );
  assert(!gone.message.includes("s3cr3t"), gone.message);
});
