"""Invents people: the same ones at every start, with all that makes real address books hard to keep in step."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from random import Random
from typing import Any, TypeVar

FIRST_NAMES = (
    *("Ana", "Zoë", "Åsa", "Łukasz", "José", "Noémie", "Jürgen", "Siân", "İpek", "Đorđe", "Mary-Ann", "Jean-Luc", "D'Arcy"),
    *("明", "さくら", "지우", "Ольга", "Νίκος", "فاطمة", "שירה", "अर्जुन", "สมชาย", "Kelechi", "Luana 🌺", "Bo", "X Æ"),
    *("Emma", "Liam", "Sofia", "Noah", "Giulia", "Tom", "Ines", "Omar", "Freja", "Ravi", "Maja", "Pierre", "Aoife"),
)  # fmt: skip
LAST_NAMES = (
    *("O'Neil", "Müller", "García Márquez", "van der Berg", "Núñez", "Strömberg", "Nguyễn", "Žižek", "Smith & Sons"),
    *("王", "佐藤", "김", "Иванова", "Παπαδόπουλος", "الحسن", "כהן", "शर्मा", "Okonkwo-Ålund", "de la Cruz 🚲", "Ó Súilleabháin"),
    *("Rossi", "Dubois", "Kowalski", "Jensen", "Brown", "Silva", "Weber", "Novák", "Lindqvist", "Moreau", "Bianchi", "Lee"),
)  # fmt: skip
COMPANIES = (
    "Acme",
    "Café Zürich AG",
    "Ørsted & Co",
    "Tofu 豆腐 Ltd",
    "Bits; Bytes | Bolts",
    '"Quoted" Inc.',
    "N/A GmbH",
)
POSITIONS = ("CEO", "Développeuse", "Head of 🚀", "Sales; EMEA", "Buyer", "Vice President of Everything Else")
STREETS = (
    "1 Main St",
    "12 bis, rue de l'Église",
    "Große Straße 7\nHinterhaus",
    "東京都千代田区1-1",
    "Calle 8, 3º izq.",
)
CITIES = ("Paris", "Köln", "São Paulo", "Kraków", "東京", "Reykjavík", "Springfield", "Llanfairpwllgwyngyll")
STATES = ("California", "Bavaria", "Ontario", "Texas", None, None, None)
COUNTRIES = ("France", "Germany", "Brazil", "Japan", "Poland", "Canada", "United Kingdom")
PHONES = ("+33 1 23 45 67 {n:02}", "(415) 555-01{n:02}", "0{n:02}-555 0100 ext. 7", "+81-3-0000-00{n:02}")
INTERESTS = ("Music", "Sport", "Art", "Travel")
RATINGS = ("Hot", "Warm", "Cold")
SCORES = (0, 7, 12.25, 99.99, 1000, -3)
DOMAINS = ("example.com", "example.org", "mail.example.net")
LEAP_DAY, BEFORE_1970 = date(1996, 2, 29), date(1969, 12, 31)

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, before either system knows them. What is None was never asked for."""

    email: str | None
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    mobile: str | None = None
    position: str | None = None
    company: str | None = None
    website: str | None = None
    street: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None
    interests: tuple[str, ...] = ()
    birthday: date | None = None
    last_visit: datetime | None = None
    score: float | None = None
    rating: str | None = None

    def as_contact(self) -> dict[str, Any]:
        """Return the values of a Mautic contact."""
        return _filled({
            "firstname": self.first_name, "lastname": self.last_name, "email": self.email, "phone": self.phone,
            "mobile": self.mobile, "position": self.position, "company": self.company, "website": self.website,
            "address1": self.street, "city": self.city, "state": self.state, "zipcode": self.postal_code,
            "country": self.country, "interests": list(self.interests), "birthday": self.birthday,
            "last_visit": self.last_visit, "score": self.score, "rating": self.rating,
        })  # fmt: skip

    def as_lead(self) -> dict[str, Any]:
        """Return the values of a Salesforce Lead, which cannot be without a last name and a company."""
        own = {"Company": self.company or "Unknown", "Website": self.website, "Rating": self.rating}
        return _filled(self._in_salesforce("") | own)

    def as_salesforce_contact(self) -> dict[str, Any]:
        """Return the values of a Salesforce Contact."""
        return _filled(self._in_salesforce("Mailing"))

    def _in_salesforce(self, address: str) -> dict[str, Any]:
        return {
            "FirstName": self.first_name, "LastName": self.last_name or "Unknown", "Email": self.email,
            "Phone": self.phone, "MobilePhone": self.mobile, "Title": self.position and self.position[:128],
            f"{address}Street": self.street, f"{address}City": self.city, f"{address}State": self.state,
            f"{address}PostalCode": self.postal_code, f"{address}Country": self.country,
            "Interests__c": ";".join(self.interests), "Birthday__c": self.birthday, "Score__c": self.score,
            "Last_Visit__c": self.last_visit,
        }  # fmt: skip


class Casting:
    """Finds people. The same seed finds the same ones."""

    def __init__(self, random: Random, now: datetime, *, first_number: int = 1) -> None:
        self.random = random
        self._now = now
        self._numbers = count(first_number)

    def person(self) -> Person:
        """Return somebody new, with some things known and others not."""
        number, pick = next(self._numbers), self.random.choice
        first, last = pick(FIRST_NAMES), pick(LAST_NAMES)
        return Person(
            email=self._email(first, last, number),
            first_name=self.perhaps(first, 0.93),
            last_name=self.perhaps(last, 0.93),
            phone=self.perhaps(pick(PHONES).format(n=number % 100), 0.7),
            mobile=self.perhaps(f"+49 170 {number:06}", 0.4),
            position=self.perhaps(pick(POSITIONS), 0.6),
            company=self.perhaps(pick(COMPANIES), 0.7),
            website=self.perhaps(f"https://www.example.com/~{number}?a=1&b=ü", 0.3),
            street=self.perhaps(pick(STREETS), 0.5),
            city=self.perhaps(pick(CITIES), 0.6),
            state=pick(STATES),
            postal_code=self.perhaps(f"0{number:04}", 0.5),
            country=self.perhaps(pick(COUNTRIES), 0.6),
            interests=tuple(each for each in INTERESTS if self.random.random() < 0.3),
            birthday=self.perhaps(pick((LEAP_DAY, BEFORE_1970, date(1950 + number % 55, 7, 14))), 0.4),
            last_visit=self.perhaps(self._recent_minute(), 0.4),
            score=self.perhaps(pick(SCORES), 0.6),
            rating=self.perhaps(pick(RATINGS), 0.5),
        )

    def as_others_know(self, person: Person) -> Person:
        """Return the same person as another department wrote them down: some things differ, some are missing, some are more."""
        other = self.person()
        changed = {
            name: getattr(other, name)
            for name in (
                "first_name",
                "last_name",
                "phone",
                "mobile",
                "position",
                "city",
                "interests",
                "birthday",
                "score",
            )
            if self.random.random() < 0.25
        }
        return replace(person, **changed)

    def perhaps(self, value: Choice, chance: float) -> Choice | None:
        """Return the value, or nothing."""
        return value if self.random.random() < chance else None

    def _email(self, first: str, last: str, number: int) -> str:
        plain = unicodedata.normalize("NFKD", f"{first}.{last}").encode("ascii", "ignore").decode()
        name = "".join(letter for letter in plain if letter.isalnum() or letter in ".'-").strip(".")
        name = f"{name or 'someone'}+{number}" if number % 5 == 0 else f"{name or 'someone'}.{number}"
        return f"{name if number % 3 == 0 else name.lower()}@{self.random.choice(DOMAINS)}".replace("..", ".")

    def _recent_minute(self) -> datetime:
        moment = self._now.astimezone(UTC) - timedelta(minutes=self.random.randrange(60 * 24 * 30))
        return moment.replace(second=0, microsecond=0)


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None and value not in ("", [])}
