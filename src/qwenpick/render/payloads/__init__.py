"""The shape of every command's --json, as types: mypy checks what is built, `qwenpick schema COMMAND` publishes the JSON Schema.

Sizes are integer bytes, contexts tokens, speeds tokens/s. Within a major schema version fields are added, never changed or taken away.
"""
