"""Other side of `deno task bench eval --against "python3 tasks/bench/inspect_ai.py"`: the same rows, server and
number of requests at once in inspect_ai (pip install inspect-ai==0.3.285 openai)."""
import argparse
import gzip
import json
import os
import tempfile

parser = argparse.ArgumentParser()
parser.add_argument("--base", required=True)
parser.add_argument("--rows", required=True)
parser.add_argument("--items", type=int, required=True)
parser.add_argument("--concurrency", type=int, required=True)
args = parser.parse_args()
os.environ["OPENAI_API_KEY"] = "none"
os.environ["OPENAI_BASE_URL"] = args.base

from inspect_ai import Task, eval  # noqa: E402
from inspect_ai.dataset import MemoryDataset, Sample  # noqa: E402
from inspect_ai.model import get_model  # noqa: E402
from inspect_ai.scorer import model_graded_qa  # noqa: E402
from inspect_ai.solver import generate  # noqa: E402

TEMPLATE = """Score the response by each constraint.
< instruction >: {question}
< constraints >:
{criterion}
< response >: {answer}
{instructions}"""

with gzip.open(args.rows, "rt") as file:
    rows = [json.loads(line) for line in file][: args.items]
samples = [
    Sample(id=row["id"], input=row["messages"][-1]["content"], target=row["constraints"])
    for row in rows
]
scorer = model_graded_qa(
    template=TEMPLATE,
    instructions="End with Constraints Overall Score: [[number]]",
    grade_pattern=r"Overall Score: \[\[(\d+)\]\]",
    model=get_model("openai/grader", base_url=args.base, responses_api=False),
)
with tempfile.TemporaryDirectory() as folder:
    log, = eval(
        Task(dataset=MemoryDataset(samples), solver=generate(), scorer=scorer),
        model=get_model("openai/writer", base_url=args.base, responses_api=False),
        max_connections=args.concurrency,
        max_samples=args.concurrency,
        display="none",
        log_dir=folder,
    )
    scored = sum(1 for sample in log.samples or [] if sample.scores)
    print(json.dumps({"status": log.status, "scored": scored}))
