"""Health and the docs page."""

from tests.doors.http.conftest import Door, opened
from twofold import Config
from twofold.testing.clock import ManualClock


async def test_a_running_app_is_live_and_ready(door: Door):
    assert (await door.get("/health/live")).json() == {"status": "live"}
    assert (await door.get("/health/ready")).status_code == 200


async def test_a_stopped_view_makes_it_not_ready_and_says_why(url: str):
    async with opened(url, workers=False, config=Config(parked_keys=1)) as still:
        for account in ("ada", "bob"):
            await still.send("OpenAccount", account_id=account)
            await still.send("Deposit", account_id=account, amount="666.66")
        await still.app.run_until_idle()
        response = await still.get("/health/ready")

        assert (response.status_code, response.json()["code"]) == (503, "not-ready")
        assert any("AccountPage" in reason for reason in response.json()["reasons"])
        assert response.headers["retry-after"]
        assert (await still.get("/health/live")).status_code == 200


async def test_a_parked_row_is_seen_and_does_not_take_the_process_out_of_traffic(still: Door):
    await still.send("OpenAccount", account_id="ada")
    await still.send("Deposit", account_id="ada", amount="666.66")
    await still.app.run_until_idle()
    response = await still.get("/health/ready")

    assert response.status_code == 200
    parked = {view["name"]: view["parked_keys"] for view in response.json()["views"]}
    assert parked["AccountPage"] == 1


async def test_a_view_behind_the_objective_makes_it_not_ready():
    clock = ManualClock()
    async with opened(workers=False, clock=clock) as door:
        await door.send("OpenAccount", account_id="ada")
        clock.advance(1.0)
        within = await door.get("/health/ready")
        clock.advance(0.5)
        past = await door.get("/health/ready")

        assert (within.status_code, past.status_code) == (200, 503)
        assert "AccountPage is 1.5 s behind; the objective is 1 s" in past.json()["detail"]


async def test_a_closed_app_answers_503(door: Door):
    await door.app.close()
    response = await door.send("OpenAccount", account_id="ada")

    assert (response.status_code, response.json()["code"]) == (503, "closed")
    assert response.headers["retry-after"] == "1"


async def test_the_docs_page_loads_nothing_from_elsewhere(door: Door):
    page = await door.get("/docs")
    files = [await door.get(path) for path in ("/docs/docs.js", "/docs/docs.css")]

    policy = page.headers["content-security-policy"]
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert all(each.status_code == 200 for each in files)
    assert "http" not in page.text.replace("https://www.w3.org", "")
    assert "innerHTML" not in files[0].text
