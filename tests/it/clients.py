"""Asks the Ollamas at argv[1] (addresses with commas between) one after the other with the public Python clients, streaming and not,
and prints what they return, one JSON line each.

The models to ask may follow: one that talks, and one that embeds.
"""

import json
import sys

import anthropic
import ollama
import openai

TALK, VEC = sys.argv[2:] or ("talk", "vec")
PROMPT = "Why is the sky blue?"
MESSAGES = [{"role": "user", "content": PROMPT}]


def show(name, value):
    print(json.dumps([name, value], ensure_ascii=False, sort_keys=True, default=str))


def native(host):
    client = ollama.Client(host=host)
    show("generate", client.generate(model=TALK, prompt=PROMPT).model_dump())
    show("generate stream", [part.model_dump() for part in client.generate(model=TALK, prompt=PROMPT, stream=True)])
    show("chat", client.chat(model=TALK, messages=MESSAGES).model_dump())
    show("chat stream", [part.model_dump() for part in client.chat(model=TALK, messages=MESSAGES, stream=True)])
    show("embed", client.embed(model=VEC, input=["The sky", "is blue", "today"]).model_dump())
    show("list", client.list().model_dump())
    try:
        client.generate(model="nope", prompt=PROMPT)
    except ollama.ResponseError as error:
        show("generate nope", [error.status_code, error.error])


def open_ai(host):
    client = openai.OpenAI(base_url=host + "/v1", api_key="ollama", max_retries=0)
    show("v1 chat", client.chat.completions.create(model=TALK, messages=MESSAGES).model_dump())
    stream = client.chat.completions.create(model=TALK, messages=MESSAGES, stream=True)
    show("v1 chat stream", [part.model_dump() for part in stream])
    show("v1 responses", client.responses.create(model=TALK, input=PROMPT).model_dump())
    show("v1 responses stream", [part.model_dump() for part in client.responses.create(model=TALK, input=PROMPT, stream=True)])
    show("v1 embeddings", client.embeddings.create(model=VEC, input="The sky", encoding_format="base64").model_dump())
    try:
        client.chat.completions.create(model="nope", messages=MESSAGES)
    except openai.NotFoundError as error:
        show("v1 chat nope", [error.status_code, error.body])


def claude(host):
    client = anthropic.Anthropic(base_url=host, api_key="ollama", max_retries=0)
    show("messages", client.messages.create(model=TALK, max_tokens=200, messages=MESSAGES).model_dump())
    with client.messages.stream(model=TALK, max_tokens=200, messages=MESSAGES) as stream:
        show("messages stream", list(stream.text_stream))
    try:
        client.messages.create(model="nope", max_tokens=200, messages=MESSAGES)
    except anthropic.NotFoundError as error:
        show("messages nope", [error.status_code, error.body])


for address in sys.argv[1].split(","):
    native(address)
    open_ai(address)
    claude(address)
