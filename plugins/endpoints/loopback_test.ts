import { assertEquals } from "@std/assert";

import { isLoopback } from "./loopback.ts";

Deno.test("isLoopback() is true of this machine's own addresses only", () => {
  const own = [
    "http://localhost:8000/v1",
    "http://127.0.0.1/v1",
    "http://127.8.0.1:1",
    "http://[::1]:8000",
    "http://a.localhost",
  ];
  const others = [
    "https://api.openai.com/v1",
    "http://192.168.0.7:8000/v1",
    "http://localhost.example.org",
    "http://127.0.0.1.example.org",
    "http://[2001:db8::1]/v1",
  ];
  assertEquals(own.map(isLoopback), own.map(() => true));
  assertEquals(others.map(isLoopback), others.map(() => false));
});
