import asyncio

import pytest

from gptpath.text.web.addresses import AddressRefused, Gate, is_public


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_pass(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "127.0.0.1",
        "0.0.0.0",
        "100.64.0.1",
        "169.254.169.254",  # metadata of most clouds
        "100.100.100.200",
        "168.63.129.16",  # metadata at a public address
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:53aa:64c:0:0:807f:ff80",
    ],
)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not is_public(address)


def gate(answers: list[list[str]], *allowed: str) -> Gate:
    async def resolve(host: str) -> list[str]:
        return answers.pop(0)

    return Gate(allow_private=allowed, resolve=resolve)


def test_only_addresses_that_pass_are_handed_out() -> None:
    found = gate([["10.0.0.1", "8.8.8.8"]]).addresses("example.com")
    assert asyncio.run(found) == ("8.8.8.8",)


def test_a_name_with_private_addresses_alone_is_refused() -> None:
    with pytest.raises(AddressRefused, match=r"example\.com resolves to 10\.0\.0\.1"):
        asyncio.run(gate([["10.0.0.1"]]).addresses("example.com"))


def test_an_answer_that_changes_to_a_private_address_is_not_asked_for() -> None:
    rebinding = gate([["8.8.8.8"], ["127.0.0.1"]])

    async def twice() -> list[tuple[str, ...]]:
        return [await rebinding.addresses("example.com") for _ in range(2)]

    assert asyncio.run(twice()) == [("8.8.8.8",)] * 2


def test_named_networks_are_allowed_and_no_others() -> None:
    allowing = gate([], "127.0.0.0/8", "fd00::/8")
    assert allowing.admits("127.0.0.1")
    assert allowing.admits("::ffff:127.0.0.1")
    assert allowing.admits("fd00::1")
    assert not allowing.admits("10.0.0.1")
    assert not allowing.admits("::1")
