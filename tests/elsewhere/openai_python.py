"""OpenAI's client for Python asks a server of deno task serve: address in, what it got out as one line of JSON."""
import json
import sys

import openai
from pydantic import BaseModel

client = openai.OpenAI(base_url=f"{sys.argv[1]}/v1", api_key="none", max_retries=0)
got = {"version": openai.__version__, "models": [model.id for model in client.models.list()]}
base = {
    "model": "random",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Name a river."}],
    "temperature": 0,
    "max_tokens": 12,
}

whole = client.chat.completions.create(**base)
got["whole"] = whole.choices[0].message.content
got["usage"] = whole.usage.completion_tokens
with client.chat.completions.stream(**base) as stream:
    got["streamed"] = "".join(event.delta for event in stream if event.type == "content.delta")
chunks = client.chat.completions.create(**base, stream=True, stream_options={"include_usage": True})
got["streamed_usage"] = [chunk.usage.completion_tokens for chunk in chunks if chunk.usage]

told = client.chat.completions.create(**base, logprobs=True, top_logprobs=2).choices[0].logprobs.content
got["logprobs"] = [len(told), all(each.top_logprobs[0].logprob == each.logprob for each in told)]
several = client.chat.completions.create(**{**base, "temperature": 1}, n=3, seed=7)
got["n"] = len({choice.message.content for choice in several.choices})
stop = got["whole"][4:6]
got["stopped"] = [got["whole"].split(stop)[0], client.chat.completions.create(**base, stop=stop).choices[0].message.content]


class Thing(BaseModel):
    kind: str
    ok: bool


parsed = client.chat.completions.parse(**{**base, "max_tokens": 200, "temperature": 1, "seed": 3}, response_format=Thing)
got["parsed"] = type(parsed.choices[0].message.parsed).__name__ if parsed.choices[0].finish_reason == "stop" else "cut"

city = {"type": "object", "properties": {"city": {"enum": ["Rome", "Oslo"]}}, "required": ["city"]}
tools = [{"type": "function", "function": {"name": "count", "parameters": city}}]
call = client.chat.completions.create(**{**base, "max_tokens": 120}, tools=tools, tool_choice="required").choices[0]
got["call"] = [call.finish_reason, call.message.tool_calls[0].function.name, json.loads(call.message.tool_calls[0].function.arguments)]

asked = {"model": "random", "instructions": "Be brief.", "input": "Name a river.", "temperature": 0, "max_output_tokens": 12}
response = client.responses.create(**asked)
got["response"] = [response.output_text == got["whole"], response.status, response.usage.output_tokens]
with client.responses.stream(**{**asked, "max_output_tokens": 200, "temperature": 1}, text_format=Thing, extra_body={"seed": 3}) as stream:
    got["response_streamed"] = sorted({event.type for event in stream if "output_text" in event.type})
    got["response_parsed"] = type(stream.get_final_response().output_parsed).__name__
function = {"type": "function", "name": "count", "parameters": city, "strict": False}
called = client.responses.create(**{**asked, "max_output_tokens": 120}, tools=[function], tool_choice="required").output
result = {"type": "function_call_output", "call_id": called[0].call_id, "output": "3"}
back = client.responses.create(**{**asked, "input": [{"role": "user", "content": "Name a river."}, *called, result]}, tools=[function])
got["response_call"] = [called[0].name, json.loads(called[0].arguments)["city"] in ["Rome", "Oslo"], back.status]
chosen = client.chat.completions.create(**base, extra_body={"structured_outputs": {"choice": ["yes", "no"]}})
got["chosen"] = chosen.choices[0].message.content in ["yes", "no"]

text = client.completions.create(model="random", prompt=["One two", "Three"], max_tokens=5, temperature=0, logprobs=1, n=2)
got["completions"] = [len(text.choices), len(text.choices[0].logprobs.token_logprobs)]
raw = client.chat.completions.with_raw_response.create(**base, user="somebody")
got["unused"] = raw.headers.get("x-dinotune-unused")


def refused(ask):
    try:
        ask()
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.param]
    return "taken"


got["errors"] = [
    refused(lambda: client.chat.completions.create(**{**base, "model": "rondom"})),
    refused(lambda: client.chat.completions.create(**base, verbosity="low")),
    refused(lambda: client.chat.completions.create(**base, extra_body={"guided_grammar": "x"})),
    refused(lambda: client.embeddings.create(model="random", input="x")),
]
print(json.dumps(got))
