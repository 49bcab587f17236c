"""The words that the demo company is made of."""

COMPANY = "Wattle & Pine"
DOMAIN = "wattle-pine.example"

# The stem, what it does, and how such a company is called.
# fmt: off
STEMS = (
    "Acacia", "Banksia", "Bluegum", "Boronia", "Brolga", "Bunya", "Casuarina", "Cockatoo",
    "Coolabah", "Coral", "Currawong", "Dingo", "Ironbark", "Jacaranda", "Jarrah", "Karri",
    "Kestrel", "Kookaburra", "Lyrebird", "Mallee", "Mulga", "Nullarbor", "Osprey", "Pelican",
    "Quandong", "Redgum", "Riverina", "Rosella", "Saltbush", "Sandalwood", "Snowgum", "Spinifex",
    "Stringybark", "Tamarind", "Tussock", "Waratah", "Wollemi", "Yarran", "Yabby", "Zamia",
)
# fmt: on
TRADES = (
    ("Logistics", "Transport", "Pty Ltd"),
    ("Dental", "Health", "Group"),
    ("Timber", "Construction", "& Sons"),
    ("Software", "Technology", "Labs"),
    ("Legal", "Professional services", "Partners"),
    ("Foods", "Food and drink", "Co-operative"),
    ("Energy", "Utilities", "Holdings"),
    ("Insurance", "Finance", "Mutual"),
    ("College", "Education", "Trust"),
    ("Hotels", "Hospitality", "Group"),
    ("Robotics", "Manufacturing", "Works"),
    ("Media", "Media", "House"),
)
# Town, state, postal code.
PLACES = (
    ("Sydney", "NSW", "2000"),
    ("Newcastle", "NSW", "2300"),
    ("Wollongong", "NSW", "2500"),
    ("Melbourne", "VIC", "3000"),
    ("Geelong", "VIC", "3220"),
    ("Ballarat", "VIC", "3350"),
    ("Brisbane", "QLD", "4000"),
    ("Cairns", "QLD", "4870"),
    ("Adelaide", "SA", "5000"),
    ("Perth", "WA", "6000"),
    ("Fremantle", "WA", "6160"),
    ("Hobart", "TAS", "7000"),
    ("Darwin", "NT", "0800"),
    ("Canberra", "ACT", "2600"),
)
STREETS = ("George Street", "King Street", "Station Road", "Harbour Esplanade", "Victoria Avenue")
# A state's time zone, and the first digit of its telephone numbers.
STATES = {
    "nsw": ("Australia/Sydney", "2"),
    "act": ("Australia/Sydney", "2"),
    "vic": ("Australia/Melbourne", "3"),
    "tas": ("Australia/Hobart", "3"),
    "qld": ("Australia/Brisbane", "7"),
    "sa": ("Australia/Adelaide", "8"),
    "wa": ("Australia/Perth", "8"),
    "nt": ("Australia/Darwin", "8"),
}
SOMEWHERE = STATES["nsw"]
# How many of a hundred speak it.
LANGUAGES = {"en-AU": 78, "en-GB": 6, "zh-Hans": 5, "it": 3, "el": 3, "vi": 3, "ar": 2}
TITLES = (
    "Office Manager",
    "Head of Procurement",
    "Facilities Manager",
    "Chief Financial Officer",
    "Executive Assistant",
    "Workplace Designer",
    "Head of People",
    "Operations Manager",
    "IT Manager",
    "Accounts Payable",
)
STAGES = {
    "SUBSCRIBER": 14,
    "LEAD": 24,
    "QUALIFIED": 14,
    "OPPORTUNITY": 10,
    "CUSTOMER": 28,
    "ADVOCATE": 4,
    "FORMER": 6,
}
SOURCES = ("web-form", "trade-fair", "referral", "newsletter", "partner", "showroom")
TAGS = ("key-account", "showroom-visitor", "design-council", "net-30", "public-sector")

# Purpose, channels, and how many of a hundred say yes.
PURPOSES = (
    ("newsletter", ("EMAIL",), 80),
    ("offers", ("EMAIL", "SMS", "LETTER"), 60),
    ("events", ("EMAIL", "PHONE"), 70),
    ("surveys", ("EMAIL", "PHONE"), 45),
)
CONSENT_SOURCES = ("web-form", "phone-call", "trade-fair", "contract")

# Channel, who turns to whom, subject, what was said, what it came to.
TALKS = (
    (
        "EMAIL",
        "INBOUND",
        "Quote for {n} desks",
        "They ask for {n} sit-stand desks with cable trays, before the end of the quarter.",
        "Quote promised",
    ),
    (
        "EMAIL",
        "OUTBOUND",
        "Your quote for {n} desks",
        "Quote sent, valid for 30 days. Delivery in {d} weeks.",
        "Sent",
    ),
    (
        "PHONE",
        "OUTBOUND",
        "Follow-up on the quote",
        "Called about the open quote. The budget is decided next week.",
        "Call back in {d} days",
    ),
    (
        "PHONE",
        "INBOUND",
        "Chair with a wobble",
        "One of {n} chairs wobbles since it was moved. Sent the fitting instructions.",
        "Solved on the phone",
    ),
    (
        "CHAT",
        "INBOUND",
        "Colours of the Yarran range",
        "Wanted to know whether the acoustic panels come in green. They do: moss and eucalypt.",
        "Answered",
    ),
    (
        "MEETING",
        "OUTBOUND",
        "Floor plan for level {d}",
        "Walked through level {d} with the designer: {n} places, two phone booths, a quiet room.",
        "Plan agreed",
    ),
    (
        "MEETING",
        "INBOUND",
        "Showroom visit",
        "Tried the meeting tables and the lounge chairs. Liked the oiled oak.",
        "Samples to be sent",
    ),
    (
        "EMAIL",
        "INBOUND",
        "Invoice {n}{n} not clear",
        "The freight is on the invoice twice. Corrected and sent again.",
        "Credit note issued",
    ),
    (
        "SMS",
        "OUTBOUND",
        "Delivery tomorrow",
        "Your delivery comes tomorrow between 8 and 11. The driver calls half an hour before.",
        "Delivered",
    ),
    (
        "WEB",
        "INBOUND",
        "Catalogue asked for",
        "Asked for the printed catalogue by the form on the website.",
        "Catalogue sent",
    ),
    (
        "LETTER",
        "OUTBOUND",
        "Five years of warranty",
        "Sent the warranty papers for {n} chairs.",
        "Sent",
    ),
    (
        "PHONE",
        "INBOUND",
        "Moving in {d} weeks",
        "They move offices in {d} weeks and want the old furniture taken back.",
        "Site visit booked",
    ),
    (
        "SOCIAL",
        "INBOUND",
        "Praise for the fitters",
        "Posted pictures of the new office and thanked the fitters.",
        "Thanked",
    ),
    (
        "EMAIL",
        "OUTBOUND",
        "How do you sit?",
        "Asked how the chairs do after three months.",
        "No answer yet",
    ),
)
