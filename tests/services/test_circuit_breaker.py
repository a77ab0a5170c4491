"""When a provider is left alone."""

from __future__ import annotations

from app.services.circuit_breaker import (
    FIRST_COOL_DOWN_SECONDS,
    LONGEST_COOL_DOWN_SECONDS,
    CircuitBreaker,
)


def failures_apart(times: int) -> float:
    """How long it is left alone after so many failures in a row, each of the one attempt allowed."""
    breaker, now = CircuitBreaker(), 100.0
    for _ in range(times):
        while not breaker.allows(now):
            now += 0.5
        breaker.failed(now, now + 1)
        now += 1
    waited = 0.0
    while not breaker.allows(now + waited):
        waited += 0.5
    return waited


def test_a_provider_that_works_is_asked_by_all() -> None:
    breaker = CircuitBreaker()
    assert all(breaker.allows(now) for now in (0, 0, 0.1, 5))


def test_each_failure_in_a_row_doubles_the_time_up_to_a_limit() -> None:
    assert failures_apart(1) == FIRST_COOL_DOWN_SECONDS
    assert failures_apart(2) == 2 * FIRST_COOL_DOWN_SECONDS
    assert failures_apart(20) == LONGEST_COOL_DOWN_SECONDS


def test_after_the_cool_down_one_attempt_is_let_through() -> None:
    breaker = CircuitBreaker()
    breaker.failed(0, 1)
    assert not breaker.allows(1 + FIRST_COOL_DOWN_SECONDS - 0.1)
    assert [breaker.allows(1 + FIRST_COOL_DOWN_SECONDS) for _ in range(3)] == [True, False, False]


def test_200_calls_that_fail_together_count_once() -> None:
    breaker = CircuitBreaker()
    for number in range(200):
        breaker.failed(0, 1 + number / 1000)
    assert breaker.allows(1.2 + FIRST_COOL_DOWN_SECONDS)


def test_a_success_closes_it() -> None:
    breaker = CircuitBreaker()
    breaker.failed(0, 1)
    breaker.worked(began=1)
    assert all(breaker.allows(1) for _ in range(3))
    breaker.failed(2, 3)
    assert breaker.allows(3 + FIRST_COOL_DOWN_SECONDS)


def test_a_success_that_began_before_the_failure_proves_nothing() -> None:
    breaker = CircuitBreaker()
    breaker.failed(0, 1)
    breaker.worked(began=0.5)
    assert not breaker.allows(2)
