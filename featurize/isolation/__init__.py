"""Work that may crash, hang or eat memory, done in processes of its own.

A *task* is a function ``(dict) -> dict`` named ``"package.module:function"``. A *worker* is a
process that runs one task, request by request. Its *keeper* waits for it, with limits on time and
memory. The *pool* lends idle workers and tries again where that is fair. Nothing here knows of
videos. Linux only: ``/proc`` is read.
"""
