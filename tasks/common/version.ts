/**
 * Version of this project.
 * @module
 */
import project from "../../deno.json" with { type: "json" };

/** As deno.json has it. */
export const VERSION: string = project.version;
