/**
 * Servers that speak another protocol than the address says, or whose certificate nobody trusts.
 * @module
 */
/** Advice where who answers will never be understood, such as a server whose certificate nobody has signed; undefined elsewhere. */
export function otherProtocol(message: string): string | undefined {
  const certificate = /invalid peer certificate: (.*)$/s.exec(message)?.[1]?.replace(/\)$/, "");
  if (certificate !== undefined) {
    return `its certificate isn't trusted (${certificate}); name a PEM file with the authority that signed it by the environment ` +
      "variable DENO_CERT, or set DENO_TLS_CA_STORE=system if this machine trusts it";
  }
  if (/corrupt message of type InvalidContentType/.test(message)) {
    return "what answers there doesn't speak https; if it is http, set args.api_base to http://…";
  }
  if (/invalid HTTP version parsed/.test(message)) {
    return "what answers there doesn't speak http; if it is https, set args.api_base to https://…";
  }
}
