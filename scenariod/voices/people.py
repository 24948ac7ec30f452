"""The words by which a label is known to be a person: first names, titles, roles, pronouns.

Owns these tables and how a label is cut into words. Decides nothing. Names are
short, so re is enough: the daemon, which casts, does not load re2.

The first names are the usual ones of English texts, by hand; a name that both women and men have
(Alex, Sam, Robin) is in neither table.
"""

from __future__ import annotations

import re

LETTERS = "A-Za-z\u00aa-\u024f\u0370-\u1fff\u3040-\ud7ff"
"""The letters of a character class, roughly: an exact class makes a pattern fifty times as big."""

CAPITALS = "A-Z\u00c0-\u00de\u0386-\u042f"
"""The capitals of a character class, roughly."""

NAME_SIGNS = rf"{LETTERS}0-9.'’_-"
"""What a word of a name is made of."""

_SMALL = "a-z\u00df-\u024f\u0430-\u045f"
_WORD = re.compile(
    rf"[{CAPITALS}]['’][{CAPITALS}][{_SMALL}]+|[{CAPITALS}]+['’][{CAPITALS}]+|"
    rf"[{CAPITALS}]?[{_SMALL}]+(?:['’][{_SMALL}]+)?|[{CAPITALS}]+|[0-9]+|[{LETTERS}]+"
)
_HANDLE = re.compile(r"^(?:/?[uU]/|@)")


def words_of(label: str) -> list[str]:
    """Return the words of `label` in lower case: `Dance_DadDan42` is dance, dad, dan, 42."""
    words: list[str] = []
    for whole in _HANDLE.sub("", label).replace("_", " ").replace("-", " ").split():
        lower = whole.lower().rstrip(".,")
        whole_is_known = lower in FEMALE_NAMES or lower in MALE_NAMES or lower.startswith("mc")
        words += [lower] if whole_is_known else [word.lower() for word in _WORD.findall(whole)]
    return words


def key_of(name: str) -> str:
    """Return what is the same for all spellings of `name`: `u/Anna`, `@anna` and `ANNA`."""
    return " ".join(name.casefold().removeprefix("/").removeprefix("u/").removeprefix("@").split())


def is_first_name(word: str) -> bool:
    """Return whether `word`, in lower case, is a first name we know."""
    return word in FEMALE_NAMES or word in MALE_NAMES or word in SHARED_NAMES


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


FEMALE_NAMES = _set(
    """
    abby abigail ada adele adriana agatha agnes aisha alana alexa alexandra alexis alice alicia
    alina alison allie allison alma alyssa amanda amber amelia amina amy ana anastasia andrea
    angela angelica angelina angie anika anita ann anna annabelle anne annette annie anya april
    aria ariana ariel arlene ashley astrid audrey aurora autumn ava barb barbara beatrice
    beatrix becky belinda bella bernice beth bethany betsy betty beverly bianca bonnie brenda
    brianna bridget brittany brooke caitlin camila camille candace cara carla carmen carol
    carolina caroline carolyn carrie cassandra cassie catherine cathy cecilia celeste celia
    chantal charlene charlotte chelsea cheryl chiara chloe christina christine cindy claire
    clara clarissa claudia colleen connie constance cora courtney crystal cynthia daisy dana
    daniela danielle daphne dawn deanna deb debbie deborah debra deirdre delia delilah denise
    diana diane dolores donna dora doreen doris dorothy edith edna eileen elaine eleanor elena
    elise eliza elizabeth ella ellen ellie elodie eloise elsa elsie emily emma erica erika erin
    esme esmeralda estelle esther ethel eugenia eunice eva eve evelyn faith fatima felicia fern
    fiona flora florence frances francesca freya frida gabriela gabriella gabrielle gail georgia
    georgina geraldine gertrude gina ginger giovanna giselle gladys gloria grace greta gretchen
    gretel guinevere gwen gwendolyn hailey hana hannah harriet hazel heather heidi helen helena
    helga henrietta hermione hilary hilda holly hope ida imani imogen india ines ingrid irene
    iris irma isabel isabella isabelle isla ivana ivy jackie jacqueline jada jana jane janet
    janice janine jasmine jean jeanette jen jenna jennie jennifer jenny jess jessica jill joan
    joanna joanne jocelyn jodie josephine joy joyce juanita judith judy julia juliana julie
    juliet june justine kaitlyn kara karen karin karina kat kate katharine katherine kathleen
    kathryn kathy katie katrina katya kayla keira keisha kelsey kendra kimberly kira kirsten
    kristen kristin kristina kyra lana lara latisha latoya laura lauren laurie lavinia layla lea
    leah leila lena leona leonora leticia libby lila lilian lillian lily lina linda lindsay lisa
    liz lizzie lois lola lorena loretta lorna lorraine louisa louise lucia lucille lucinda lucy
    luna lydia lynn mabel madeleine madeline madelyn madison maeve maggie maisie mandy mara
    marcia margaret margarita margot maria mariah mariam marian marianne marie marilyn marina
    marion marisol marissa marjorie marlene martha martina mary matilda maud maureen maxine maya
    meera megan meghan mei melanie melinda melissa mercedes meredith mia michelle mikayla
    mildred millie mimi mina mindy minnie miranda miriam misty mitzi moira molly mona monica
    muriel myra myrtle nadia nadine naomi natalia natalie natasha nell nellie nia nicola nicole
    nina nora noreen norma nova octavia odette olga olive olivia opal ophelia paige paloma
    pamela paola patricia patsy patty paula paulina pauline pearl peggy penelope penny petra
    petunia philippa phoebe phyllis pippa pixie polly poppy priscilla priya prudence rachel
    ramona raquel rebecca regina renata renee rhoda rhonda rita roberta rochelle rosa rosalie
    rosalind rose roseanne rosemary rosie rowena roxanne ruby ruth sabrina sadie sally salma
    samantha sandra sandy sara sarah sasha savannah scarlett selena selma serena shannon sharon
    sheila shelby shelley sherry shirley sienna sierra silvia simone sofia sonia sonya sophia
    sophie stacy stella stephanie sue summer susan susanna susie suzanne suzie svetlana sybil
    sylvia tabitha tamara tammy tania tanya tara tatiana teresa tess tessa thelma theodora
    theresa tiffany tina trina trisha trixie trudy ursula valentina valerie vanessa vera verity
    veronica vicky victoria viola violet virginia vivian viviana wanda wendy wilhelmina willa
    willow winifred winnie xena yasmin yolanda yuki yvette yvonne zara zelda zoe zoey élodie
    """
)
MALE_NAMES = _set(
    """
    aaron abdul abe abel abraham adam adrian ahmed aidan aiden al alan albert aldo alejandro
    alexander alfonso alfred alistair allan allen alvin amir anders andre andreas andrew andy
    angelo angus anthony antoine anton antonio archie ari arjun armando arnold arthur arturo
    atticus august augustus austin axel barney barry bart bartholomew basil ben benedict
    benjamin bennie bernard bernie bert bertram bill billy bjorn bob bobby boris brad bradley
    brady brandon brendan brent brett brian bruce bruno bryan bryce byron caleb calvin carl
    carlos carlton cecil cedric chad chester chip chuck clarence claude clay clayton cliff
    clifford clint clive clyde cody colin connor conrad corey cornelius craig curt curtis cyril
    cyrus dale damian damon dan daniel danny dante darius darren darryl dave david dean declan
    dennis derek derrick desmond dexter diego dirk dmitri dominic don donald donnie doug douglas
    drake duane duncan dustin dwayne dwight dylan earl ed eddie edgar edmund eduardo edward
    edwin eli elias elijah elliott elmer elton elvis emil emilio emmanuel enrique eric erik
    ernest ernie ethan eugene evan everett ezra fabian felix ferdinand fergus fernando finn
    fletcher floyd francesco francis francisco frank franklin fred freddie frederick fritz gabe
    gabriel galileo garrett gary gavin geoff geoffrey george gerald geraldo gerard gerry gilbert
    gino giovanni glen glenn gordon graham grant greg gregory griffin gus gustav hal hank hans
    hansel harlan harold harris harry harvey hector henrik henry herb herbert herman hiram homer
    horace howard hubert hugh hugo humphrey hunter ian igor ike irving isaac isaiah ishaan ivan
    jack jackson jacob jacques jake jamal james jared jarvis jason javier jay jeb jeff jeffrey
    jeremiah jeremy jermaine jerome jerry jesus jim jimmy jin joaquin joe joel joey johann
    johannes john johnny jon jonah jonas jonathan jorge jose joseph josh joshua juan jude julian
    julio julius justin kareem karl keith ken kenneth kenny kevin khalid kirk klaus kofi kurt
    kyle lance larry lars laurence lawrence leandro len lenny leo leon leonard leonardo leopold
    leroy lester levi liam lionel lloyd lorenzo lou louie louis lucas lucius ludwig luigi luis
    luke luther lyle mac magnus malcolm manuel marc marcel marco marcus mario mark marlon
    marshall martin marty marvin mason mateo matt matteo matthew maurice max maximilian maxwell
    mel melvin michael miguel mike mikey miles milo milton mitch mitchell mohamed mohammed monty
    morris mort moses muhammad murray napoleon nate nathan nathaniel ned neil nelson neville
    nicholas nick nigel noah noel nolan norbert norman oliver omar orlando orson oscar oswald
    otis otto owen ozzie pablo patrick paul pavel pedro percival percy perry pete peter phil
    philip phineas pierce pierre preston quentin quincy rafael rahul raj ralph ramon randall
    randy raoul raphael ravi ray raymond reginald rene reuben rex rhys ricardo richard rick
    ricky rob robbie robert roberto rocco rocky rod roderick rodney rodrigo roger roland roman
    romeo ron ronald ronnie rory ross roy ruben rudolph rudy rufus rupert russell ryan salvador
    salvatore sammy samuel sanjay santiago saul scott sean sebastian sergei sergio seth seymour
    shane shaun sheldon sherman sid sidney sigmund silas simon solomon spencer stan stanley
    stefan stephen steve steven stewart stuart sven tad ted teddy terrence thaddeus theo
    theodore thomas thor tim timmy timothy tobias toby todd tom tomas tommy tony travis trent
    trevor tristan tucker ty tyler tyrone ulysses vernon victor vince vincent vinnie virgil vlad
    vladimir wade wallace wally walt walter warren wayne wesley wilbur wilfred will william
    willie winston wolfgang woody wyatt xavier yusuf zachary zack zeke zeus
    """
)
SHARED_NAMES = _set(
    """
    alex ash avery bailey blake cameron carter casey charlie chris dakota drew elliot emerson
    finley frankie harper hayden jaden jamie jesse jordan jules kai kelly kerry kim lee leslie
    lindsey logan marley mickey mo morgan nicky parker pat quinn reese remy riley robin rowan
    sage sam sawyer shawn skyler sydney taylor terry toni tracy val
    """
)
NAMES_LIKE_WORDS = _set(
    """
    amber april art august austin autumn bill brook chip chuck clay cliff dakota dale dawn dean
    drew earl faith fern florence frank gail georgia ginger grace grant guy hazel heather herb
    holly hope hunter india iris ivy jack jackson jean joy june lance lee luna madison mark
    mason max may miles misty nova olive opal pat pearl penny pierce pixie poppy ray rex rob
    rocky rod rose ruby sage sandy savannah sierra sue summer trent val victor victoria violet
    virginia wade will willow woody
    """
)
FEMALE_WORDS = _set(
    """
    actress aunt auntie bride businesswoman chairwoman congressgirl congresswoman councilwoman
    countess cowgirl daughter duchess empress fairy female gal girl girlfriend goddess gran
    granddaughter grandma grandmama grandmother granny heroine hostess ladies lady lass ma'am
    madam madame mama mermaid miss mistress mom mommy moms mother mothers mrs ms mum mummy nana
    niece nun policewoman priestess princess queen saleswoman senora señora sis sister sisters
    spokeswoman stepmom stepmother waitress wife witch wives woman women
    """
)
MALE_WORDS = _set(
    """
    boy boyfriend boys bro brother brothers businessman chairman congressman councilman count
    cowboy dad daddy dads dude duke emperor father fathers fella fireman fisherman foreman gent
    gentleman godfather grampa grandad granddad grandfather grandpa grandson groom guy guys
    handyman herr husband king knight lad lord mailman male man men milkman mister monk monsieur
    mr nephew pa papa policeman pop pops postman priest prince salesman senor señor sir son sons
    spokesman stepdad stepfather uncle waiter wizard
    """
)
TITLES = _set(
    """
    agent aunt auntie brother capt captain chef chief coach colonel commander dad detective
    doctor dr father general governor grandma grandpa granny guru inspector judge king lady
    lieutenant lord lt madam madame major master mayor miss mister mom mr mrs ms nurse officer
    president prince princess principal prof professor queen rev reverend senator sergeant sgt
    sir sister teacher uncle
    """
)
ANIMALS = _set(
    """
    ape bear beaver bee bird bull butterfly camel cat chicken chipmunk cow crab crow deer dog
    dolphin donkey duck eagle elephant fish flamingo fox frog gerbil giraffe goat goose gorilla
    hamster hedgehog hippo horse kitten koala lion lizard llama meerkat monkey moose mouse
    octopus ostrich otter owl panda parrot penguin pig pigeon pony puppy rabbit raccoon rat
    raven robin salmon seal shark sheep sloth snail snake spider squid squirrel swan tiger toad
    trout turkey turtle unicorn whale wolf worm zebra
    """
)
ROLES = (
    FEMALE_WORDS
    | MALE_WORDS
    | TITLES
    | _set(
        """
        accountant activist actor admin adult advisor analyst anchor announcer anthropologist
        architect artist assistant astronaut athlete attendant attorney auctioneer author baby
        baker ballerina barista bartender biologist blogger boss bot bully butler buyer
        bystander caller candidate captain carpenter cashier caterpillar caveman cavewoman ceo
        cfo chairperson champion chemist child citizen classmate clerk client clown coach cohost
        colleague columnist comedian commentator commenter concierge conductor contestant cook
        cop coworker creator critic customer dancer daredevil dealer debater defendant defense
        delegate dentist designer detective developer director doctor dragon driver economist
        editor elder electrician employee emt engineer expert explorer fan farmer firefighter
        follower founder friend gamer gardener ghost grandparent guard guest guide gymnast
        hacker healer hero historian homeowner host human influencer inspector instructor intern
        interviewee interviewer investigator investor janitor journalist juror kid landlord
        lawyer leader librarian lifeguard magician maid manager marketer mayor mechanic medic
        member mentor merchant meteorologist minister mod moderator musician narration narrator
        neighbor neighbour nerd newcomer nurse nutritionist observer officer onlooker operator
        organizer owner painter panelist paramedic parent partner passenger passerby pastor
        patient patron pharmacist philosopher photographer physician physicist pilot pirate
        plaintiff player plumber poet politician preacher president principal producer professor
        programmer prosecution prosecutor protester protestor psychiatrist psychic psychologist
        rabbi ranger reader realtor receptionist recruiter referee regular rep reporter
        representative researcher resident reviewer rival robot roommate sailor salesperson
        sceptic scientist secretary seller senator senior server shopkeeper shopper singer
        skeptic soldier speaker specialist speedster spokesperson spouse stranger streamer
        student subscriber supervisor surgeon survivor suspect teacher technician teen teenager
        tenant therapist toddler tourist trader trainer traveler traveller treasurer troll
        troller tutor umpire user vendor vet veteran victim viewer villager villain visitor
        voice voiceover volunteer voter warrior whistleblower winner witness worker writer
        youngster youtuber zookeeper
        """
    )
)
PRONOUNS = _set("me him her them she he us we they myself")
SELF = frozenset(("me", "i", "myself"))
GROUP_WORDS = _set(
    """
    all audience both children choir chorus class classmates collective committee consortium
    contestants council crowd customers employees everybody everyone fans friends group guests
    judges jury kids members mob neighbors neighbours others panel parents people players
    protesters protestors reporters residents students team teens together villagers workers
    """
)
