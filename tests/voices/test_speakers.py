"""Who speaks in made-up texts: every format of a label, and what only looks like one."""

import pytest

from scenariod.voices.characters import parts_of
from scenariod.voices.reading import Kind


def speakers_in(text: str) -> str:
    """Return who speaks in `text`: `Bob Hill (Bob); ALL [group]`."""
    shown = []
    for one in parts_of(text).characters:
        aliases = f" ({', '.join(one.aliases)})" if one.aliases else ""
        shown.append(one.name + aliases + (" [group]" if one.kind is Kind.GROUP else ""))
    return "; ".join(shown)


FORMATS = [
    ("Anna: Hi.\nBob: Hi.", "Anna; Bob"),
    ("ANNA: Hi.\nBOB: Hi.", "ANNA; BOB"),
    ('Quill: [sad] "No."', "Quill"),
    ('Quill: "No."', "Quill"),
    ("Quill: 'No.'", "Quill"),
    ("Quill: “No.”", "Quill"),
    ("Zorb: I come.\nWho does?\nZorb: I do.", "Zorb"),
    ("Zorb: I come.\nQuark: Why?\nZorb: Ask.", "Zorb; Quark"),
    ("Zorb: I come.\nZorb: In peace.\n\nMara: You?", "Zorb; Mara"),
    ("ANNA (5): Hi.\nBOB (with a hat): Hi.", "ANNA; BOB"),
    ("Anna [quietly]: Hi.", "Anna"),
    ("Anna, 34: I love it.", "Anna"),
    ("**Anna:** Hi.\n**Bob**: Hi.\n__Carl:__ Hi.", "Anna; Bob; Carl"),
    ("> Anna: Hi.\n> Bob: Hi.", "Anna; Bob"),
    ("[12:03] anna: hi\n[12:04] bob: hey", "anna; bob"),
    ("1/2/2024, 10:15 - Anna: hi\n1/2/2024, 10:16 - Mom: hi", "Anna; Mom"),
    ("anna: hi\nmom: what\nanna: nothing", "anna; mom"),
    ("Anna : Hi.\nBob : Hi.", "Anna; Bob"),
    ("Anna:Hi there\nBob:Hi", "Anna; Bob"),
    ("Anna：Hi\nBob：Hi", "Anna; Bob"),
    ("🐧 Pingu: 'Noot'\n🐧 Pingu: 'Noot!'", "Pingu"),
    ("Anna:\nI have news.\n\nBob:\nTell me.", "Anna; Bob"),
    ("u/a_b: first\nu/Tea42: second", "u/a_b; u/Tea42"),
    ("@bird_fan: saw a heron\n@fish: cool", "@bird_fan; @fish"),
    ('Server_7: beep\nRoboDoc: "boop"', "Server_7; RoboDoc"),
    ("Dr. Chen: Rest.", "Dr. Chen"),
    ("O'Brien: Aye.\nMcDonald: Hm.\nBob: Hi.\nBob: Bye.", "O'Brien; McDonald; Bob"),
    ("Jean-Luc: Oui.\nÉlodie: Non.", "Jean-Luc; Élodie"),
    ("Chess Club President Linda: Order!", "Chess Club President Linda"),
    ("Kid 1: Why?\nKid 2: Why not?", "Kid 1; Kid 2"),
    ("Caller #1: Hello?\nHost: Hi.\nCaller #2: Hi", "Caller #1; Host; Caller #2"),
    ("Player One: Go.\nPlayer Two: Wait.", "Player One; Player Two"),
    ("Speaker A: Yes.\nSpeaker B: No.", "Speaker A; Speaker B"),
    ("Q: Who?\nA: Me.\nQ: Why?\nA: Bread.", "Q; A"),
    ("INTERVIEWER: Who?\nGUEST: A baker.", "INTERVIEWER; GUEST"),
    ("Tired owner: 'No.'\nMe: 'Yes.'", "Tired owner; Me"),
    ("Passenger yesterday: 'Nice!'", "Passenger"),
    ("My wife: 'Enough.'\nMe: 'One more.'", "My wife; Me"),
    ("Him: hey\nHer: hey", "Him; Her"),
    ("Susie's Mom: Stop.\nSusie: No.\nSusie: Never.", "Susie's Mom; Susie"),
    ("Anna: Hi. Bob: Hello. Anna: Well? Bob: Well.", "Anna; Bob"),
    ("Anna: Hi. Bob: Hello. Carla: Bye.", "Anna; Bob; Carla"),
    ("Judge: Order!\nProsecution: No!\nJudge: Yes.", "Judge; Prosecution"),
    ("Mr. Paws: Meow.\nThe Dog: Woof.\nMr. Paws: Hiss.", "Mr. Paws; The Dog"),
    ("Queen Bee: Work!\nWorker Bee #7: No!", "Queen Bee; Worker Bee #7"),
    ("EMT #1: Clear!\nEMT #2: Clear!", "EMT #1; EMT #2"),
    ('Danny Danger: [worried] "But what if?"', "Danny Danger"),
    ("u/Warning: never!", "u/Warning"),
    ("Jimmy Page: 'Hi.'\nEmpress: 'Bow.'", "Jimmy Page; Empress"),
    ('Narrator: It rains.\nWolf: "Boo"', "Narrator; Wolf"),
]
ALIASES = [
    ("Pilot Mindy: Up!\nMindy: Down!", "Pilot Mindy (Mindy)"),
    ("Mindy: Up!\nPilot Mindy: Down!", "Pilot Mindy (Mindy)"),
    ("Ray Hill: 'Hi'\nRay: 'Hi'\nHill: 'Hi'", "Ray Hill (Ray, Hill)"),
    ("JUDGE EVE (5): Hi.\nEVE: Hi.\nJUDGE EVE: Hi.", "JUDGE EVE (EVE)"),
    ("Anna: Hi.\nANNA: Hi.", "Anna"),
    ("u/sam_1: hi\n@sam_1: hi", "u/sam_1"),
    ("Dr. Lisa Chen: Hi.\nDr. Chen: Hi.", "Dr. Lisa Chen (Dr. Chen)"),
    ("Teacher Ms. Lee: Hi.\nMs. Lee: Hi.", "Teacher Ms. Lee (Ms. Lee)"),
    ("Tired daughter: 'No'\nDad: 'Yes'\nDaughter: 'No'", "Tired daughter (Daughter); Dad"),
    ("Tina Tryhard: 'Hi'\nMrs. Tryhard: 'Hi'", "Tina Tryhard; Mrs. Tryhard"),
    ("Mr. Hill: Hi.\nMrs. Hill: Hi.\nHill: Hi.", "Mr. Hill; Mrs. Hill; Hill"),
    ("Pilot Eve: Hi.\nCook Eve: Hi.\nEve: Hi.\nEve: Hm.", "Pilot Eve; Cook Eve; Eve"),
    ("Kid 1: Hi.\nKid: Hi.\nKid: Hm.", "Kid 1; Kid"),
    ("Emma's Mom: Hi.\nMom: Hi.\nEmma: Hi.\nEmma: Hm.", "Emma's Mom; Mom; Emma"),
    ("Posted by Ann Lee:\nI fell.\n\nBob: 'Ow.'\nMe: 'Ow.'", "Ann Lee (Me); Bob"),
    ("Chat of the club - Anna:\nHi all.\n\nBob: Hi.\nAnna: Hi.", "Anna; Bob"),
    ("Talk with Baker Harold:\nBob: Why?\nHAROLD: Bread.\nMe: 'Bread.'", "Bob; HAROLD (Me)"),
]
AUTHORS = [
    ("Posted by u/sad_panda in r/x: I ate it.", "u/sad_panda"),
    ("Posted in NextDoor by Jim Hill: Beware!", "Jim Hill"),
    ("r/cats post by u/Tom_7:\nMeow.", "u/Tom_7"),
    ("Minutes, typed by Gerald the Goat:\n\nWe met.", "Gerald the Goat"),
    ("Jessica Hill's LinkedIn post: 'I run.'", "Jessica Hill"),
    ("Ann Lee's LinkedIn Post (3 likes):\n\nI run.", "Ann Lee"),
    ("Baker Maria posted: 'Bread is up.'", "Baker Maria"),
    ("URGENT from Chief_Max: run!", "Chief_Max"),
    ("@TeaFan here with some truth. Drink.", "@TeaFan"),
    ("Captain's Log, Day 3: We are lost.", "Captain"),
    ("From: Prof_Hill@x.edu\nSubject: You\n\nWell done.\n\n-Prof H", "Prof_Hill (Prof H)"),
    ("From: Ann Lee <a@x.org>\nTo: Bob\n\nHi.", "Ann Lee"),
    ("Dear all,\n\nI quit.\n\nSincerely,\nDr. Ruth Hill", "Dr. Ruth Hill"),
    ('Posted on Nextdoor by "Concerned Carl":\n\nWho has a goat?', "Concerned Carl"),
    ("Transcript of voicemail from Aunt Linda: Call me.", "Aunt Linda"),
    ("Reddit user u/tired99 writes:\n\nAm I wrong?", "u/tired99"),
    ("Posted by deleted: I know.", ""),
    ("Posted in 'Dads for Tea': Drink.", ""),
    ("@anna you are wrong.", ""),
]
MEDIA = [
    ('Town Weekly: "Fish gone"\nFred: "Gone!"', "Fred"),
    ("Harbour News: 'Fish gone'\nFred: 'Gone!'", "Fred"),
    ("Social Media Intro: Fish!\nFred: 'Gone!'\nAnna: 'Oh.'", "Fred; Anna"),
    ("Narration: Dawn.\nAnna: Hm.\nNarration: Dusk.", "Anna"),
    ('Tech Blog: "Cat elected"\nCat: "Meow"', "Cat"),
    ("Intro Post: Look who is here!\nAnna: Hi.\nAnna: Hm.", "Anna"),
    ('SocialMediaPost: Wow!\nAnna: "Hi."', "Anna"),
    ('The Daily Gazette: "Fish gone"\nFred: "Gone!"', "Fred"),
    ("Tea Forum: 'Hot?'\nAnna: 'Hot.'", "Anna"),
    ('Desk Newsletter: "New"\nLamp: "Old"', "Lamp"),
]
GROUPS = [
    ("ALL: Hooray!\nAnna: No.", "ALL [group]; Anna"),
    ("Everyone: Aww.\nAnna: No.", "Everyone [group]; Anna"),
    ('All Ducks: "Quack"', "All Ducks [group]"),
    ('Anna and Bob: "Sorry"', "Anna and Bob [group]"),
    ('Three Little Pups: "Eek"', "Three Little Pups [group]"),
    ('Pen Club: [in unison] "Ink!"', "Pen Club [group]"),
    ("BOTH: Never!\nAnna: No.", "BOTH [group]; Anna"),
]
NOBODY = [
    "Warning: do not enter.\nNote: it is closed.\nEDIT: thanks",
    "Ingredients: flour\nMethod: stir\nTime: 20 minutes",
    "Name: Tom Hill\nAge: 5\nOccupation: Baker",
    "Subject: Cake\nThere is cake.",
    "Step 1: mix\nStep 2: bake",
    "Arm 1: wave\nArm 2: type\nArm 3: cook",
    "- Luna: -$47\n- Module 1: why\n- Anna: two",
    "1. Height: tall\n2. Weight: 'none'",
    "❌ Height: 5'11\"\n❌ Visor: wrong",
    "Mon-Thu: 11 hours\n4AM: rise\n10:30: tea",
    'Monday: soup\nWednesday: "surprise"',
    "He said it was over. Then: nothing. The result: chaos.",
    '"Stop," said Anna. "Never," said Bob.',
    "My grandma says: 'We all did.'",
    "http://example.com: a site\nRatio 3:1: good",
    "Results: none\nWatch: *runs*\nFacts: few",
    "THEY CLAIM: it is flat\nTHE TRUTH: it is round",
    "YouTube: free\nLinkedIn: premium",
    "The truth? Simple: we lost. The reason? Simple: greed.",
    "Myth: bees are evil.\nFact: no.\nMyth: honey kills.\nFact: no.",
    "TESTIMONIAL: 'It changed my life!'",
    "My boss: fired. My dog: gone. My car: stolen.",
    "Fun fact: bees dance.",
    "Author: Jane Doe\nEditor: John Roe",
    "Ms. Hill's class: a report",
    "Look at my numbers: 7\nI did my research: none",
    "Total: $5\nTip: $1\nBill: $6",
]
BESIDE_SPEAKERS = [
    ("EVE: Guilty!\nSENTENCE: No tea!\nEVE: Next!", "EVE"),
    ("EVE: Mine!\nTHE CRASH: Tom cries.\nEVE: Oh.", "EVE"),
    ("EVE: Look.\nEVIDENCE: A spoon.\nEVE: See?", "EVE"),
    ("u/a_b: I know it. FACTS:\n- Tea: hot\n- Ice: cold", "u/a_b"),
    ("Anna: Rules:\n- No: noise\n- Quiet: always\n\nBob: OK.", "Anna; Bob"),
    ("Scene 1: A room.\nANNA: Tea?\nBEN: Yes.", "ANNA; BEN"),
]


@pytest.mark.parametrize(
    ("text", "expected"), FORMATS + ALIASES + AUTHORS + MEDIA + GROUPS + BESIDE_SPEAKERS
)
def test_who_speaks(text: str, expected: str) -> None:
    assert speakers_in(text) == expected


@pytest.mark.parametrize("text", NOBODY)
def test_nobody_speaks_in_a_list_or_a_form(text: str) -> None:
    assert speakers_in(text) == ""
    assert [part.speaker for part in parts_of(text).parts] == [None]


@pytest.mark.parametrize(("text", "_others"), MEDIA)
def test_a_mediums_words_are_the_narrators(text: str, _others: str) -> None:
    first = parts_of(text).parts[0]

    assert first.speaker is None
    assert first.text in text.split("\n", maxsplit=1)[0].split(": ", 1)[1]
