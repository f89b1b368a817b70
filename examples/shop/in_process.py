"""The way in without a network: commands go to the open app."""

from collections.abc import Iterator

from examples.shop.baskets import Source
from examples.shop.journey import Step
from examples.shop.sending import Send
from twofold import OpenApp


def sender(shop: OpenApp) -> Send:
    """Sends a step to *shop*."""

    async def send(step: Step) -> object:
        return await shop.send(step.command, key=step.key)

    return send


def catalog_of(source: Source) -> Iterator[tuple[Step]]:
    """A journey of one step for each product: to add it to the catalog."""
    for product in source.products():
        yield (Step(f"product:{product.product_id}", product),)
