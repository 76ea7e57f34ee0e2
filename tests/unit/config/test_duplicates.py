import pytest

from gptpath.config.duplicates import Duplicates
from gptpath.errors import ConfigError


@pytest.mark.parametrize(
    "wrong",
    [
        {"ngram_words": 0},
        {"bands": 0},
        {"threshold": 0.4, "family_threshold": 0.5},
        {"threshold": 1.1},
        {"family_threshold": 0.0},
    ],
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Duplicates(**wrong)


def test_bands_too_few_for_the_threshold_are_refused_with_a_number_that_serves():
    with pytest.raises(ConfigError, match="at least 17 bands"):
        Duplicates(bands=14, rows=8)
    assert Duplicates(bands=17, rows=8).chance(0.8) >= 0.95


def test_few_bands_are_fine_where_only_exact_duplicates_are_sought():
    assert not Duplicates(near=False, bands=1, rows=8).near


def test_the_defaults_compare_nearly_all_pairs_of_a_family():
    assert Duplicates().chance(0.5) > 0.95
    assert Duplicates().chance(0.8) > 0.9999
