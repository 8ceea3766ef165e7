"""The fields of an export by the names that people write, and the nearest right one for those that are none."""

from __future__ import annotations

import pytest

from segmentation.language.export_fields import fields_of, parse_fields


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("external_id,email", "external_id email"),
        (" email , attributes.tier ", "email attributes.tier"),
        ("Device Count,Operating System,MSISDN,External ID", "device_count operating_system msisdn external_id"),
        ('"attributes.a,b",since', "attributes.a,b since"),
    ],
)
def test_fields_are_written_as_in_the_tables_or_as_on_netmeras_pages(text: str, keys: str):
    fields = parse_fields(text)
    assert " ".join(field.key for field in fields) == keys
    assert [field.name for field in fields] == [
        one.strip(' "') for one in text.replace("a,b", "a¤b").split(",")
    ] or "," in keys


def test_a_blank_at_the_end_of_an_attributes_name_is_its_own_where_it_can_only_be_meant():
    quoted = parse_fields('"attributes.tier ", attributes.tier , " email "')
    assert [field.key for field in quoted] == ["attributes.tier ", "attributes.tier", "email"]
    one_by_one = fields_of([" attributes.tier ", " email "])
    assert [field.key for field in one_by_one] == ["attributes.tier ", "email"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("emial", "did you mean 'email'?"),
        ("tier", "an attribute is written attributes.tier"),
        ("", "found no field, expected at least one such as external_id"),
        ("attributes.", "found the field 'attributes.', expected one of"),
        ("attributes.", "or attributes.NAME"),
        ("external_id,\nemail", r"found 'external_id,\nemail', expected fields with commas between them in one line"),
        ("email,,city", "found the field '', expected one of"),
        ("email,Email", "found the field 'email' twice, expected it once"),
    ],
)
def test_a_field_that_is_none_is_one_sentence(text: str, sentence: str):
    with pytest.raises(ValueError, match=r"^found ") as error:
        parse_fields(text)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
    assert f"did you mean {text!r}" not in str(error.value)
