import pytest

from twofold.errors import Rejected
from twofold.messages.folding import evolves
from twofold.messages.message import Event, Query
from twofold.pipeline.context import Context
from twofold.read.answers import answers
from twofold.read.rows import Rows
from twofold.read.view import View
from twofold.testing.failures import ScenarioFailedError, UnstorableError
from twofold.testing.scenario import scenario


class Grown(Event):
    tree_id: str


class Tree(View, key="tree_id"):
    tree_id: str
    metres: int = 0

    @evolves
    def grown(self, event: Grown) -> None:
        self.metres += 1


class Stone(View, key="tree_id"):
    tree_id: str

    @evolves
    def grown(self, event: Grown) -> None: ...


class Tallest(Query[list[Tree]]):
    at_least: int


class Mine(Query[object]):
    pass


@answers
async def tallest(query: Tallest, trees: Rows[Tree]) -> list[Tree]:
    if query.at_least < 0:
        raise Rejected("below-ground", "A tree grows upwards")
    return await trees.find(trees.c.metres >= query.at_least, order_by="-metres")


@answers
async def mine(query: Mine, context: Context) -> object:
    return context.principal or object()


@answers
async def unfit(query: Mine, client: dict) -> object:
    return client


OAK, ASH, YEW = Tree(tree_id="oak", metres=9), Tree(tree_id="ash", metres=12), Tree(tree_id="yew", metres=3)


async def test_an_answer_is_found_in_the_given_rows():
    await scenario(tallest).given(OAK, ASH).given(YEW).when(Tallest(at_least=5)).then([ASH, OAK])


async def test_another_answer_fails_with_the_difference():
    with pytest.raises(ScenarioFailedError, match=r"\+ nothing"):
        await scenario(tallest).when(Tallest(at_least=5)).then([ASH])


async def test_a_refusal_is_told_by_its_code():
    await scenario(tallest).when(Tallest(at_least=-1)).then_rejected("below-ground")


async def test_another_refusal_fails():
    with pytest.raises(ScenarioFailedError, match="below-ground, not above"):
        await scenario(tallest).when(Tallest(at_least=-1)).then_rejected("above")


async def test_an_answer_where_a_refusal_was_expected_fails():
    with pytest.raises(ScenarioFailedError, match="was answered"):
        await scenario(tallest).when(Tallest(at_least=1)).then_rejected("below-ground")


async def test_the_context_can_be_given():
    await scenario(mine).when(Mine(), Context(principal="ada")).then("ada")


async def test_an_answer_that_cannot_be_sent_is_caught():
    with pytest.raises(UnstorableError, match="cannot be sent"):
        await scenario(mine).when(Mine()).answer()


async def test_a_query_that_does_not_survive_its_bytes_is_caught():
    with pytest.raises(UnstorableError, match="at_least"):
        scenario(tallest).when(Tallest(at_least="many"))  # type: ignore[arg-type]


async def test_another_query_is_refused():
    with pytest.raises(ScenarioFailedError, match="tallest answers Tallest, not Mine"):
        scenario(tallest).when(Mine())


async def test_rows_that_the_function_does_not_read_are_refused():
    with pytest.raises(ScenarioFailedError, match="does not read Stone"):
        await scenario(tallest).given(Stone(tree_id="a")).when(Tallest(at_least=1)).answer()


async def test_a_client_is_not_made_up():
    with pytest.raises(ScenarioFailedError, match="memory_app"):
        await scenario(unfit).when(Mine()).answer()
