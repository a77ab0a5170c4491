from __future__ import annotations

from app.conversation.reply import Reply


async def test_a_reply_that_is_to_say_only_something_else_takes_no_more_of_its_own() -> None:
    reply = Reply()
    reply.add(["Of course.", "Your order"])
    await reply.next_clause()
    reply.only(["Sorry."])
    reply.add(["is on its way."])
    assert await reply.next_clause() == "Sorry."
    reply.take_clause()
    assert await reply.next_clause() is None
