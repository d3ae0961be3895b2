import { REPLICATION } from "./_help_examples.ts";
import { testHelps } from "./_help_runs.ts";

testHelps(REPLICATION, []);
