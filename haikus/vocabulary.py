"""What the poems are made of: scenes, and the frames in which a topic can stand.

Syllables are not written here but counted on first use, and a test proves that the pronouncing dictionary
has every word and that nobody pronounces one with another number of them.

Phrases are separated by " / ". In `does`, `[s]` is the ending after one subject and falls away after
many; `[ies/y]` gives both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Act:
    """Subjects, and what any of them can be seen doing: every pairing makes a sentence."""

    one: str
    does: str
    many: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """A corner of the world in which a poem stays. A topic with one of its `keywords` belongs there."""

    keywords: str
    things: str
    places: str
    acts: tuple[Act, ...]
    endings: str


def word_set(listed: str) -> frozenset[str]:
    """Words separated by blanks, as a set."""
    return frozenset(listed.split())


SPRING: Final = Scene(
    keywords="""spring april march blossom blossoms bloom flower flowers garden gardens gardening seed
        seeds bee bees easter tulip tulips rose roses grass plant plants bird birds birth baby wedding
        green rain rainbow""",
    things="""wet blossom / plum blossom / a robin / new grass / muddy boots / the first bee /
        green shoots / snails / a cracked eggshell / soft rain / warm mud / a nest of twigs /
        seed packets / clean laundry / a white moth / tulips / an old rake / two buckets / a blue egg /
        the neighbor's cat / a wet bench / fresh leaves / pale buds / new ferns""",
    places="""in the garden / under the plum tree / in soft rain / at first light / after the thaw /
        at dawn / by the greenhouse / before the bees / beside the pond / at the gate / in the grass /
        out of doors / this spring / near the apple tree / along the hedge / in mild weather /
        under new leaves""",
    acts=(
        Act(
            one="""a robin / the blackbird / one loud sparrow / a small brown wren / the cuckoo / a wren /
                one thrush / a finch / a lark""",
            many="""two finches / the swallows / young magpies""",
            does="""tr[ies/y] out a new song / sing[s] from the gutter / shake[s] off the rain /
                begin[s] again / own[s] the whole garden / build[s] a nest of string /
                practice[s/] one note / sing[s] before breakfast / come[s] home with a straw /
                forget[s] to be shy / sing[s] out of tune / tr[ies/y] the same branch /
                splash[es] in the bath""",
        ),
        Act(
            one="""the plum tree / the old orchard / a window box / the hawthorn / the hedge / the fern /
                one bud / the lawn""",
            many="cherry trees / the tulips / apple boughs / two rose bushes / new ferns",
            does="""let[s] the petals go / lean[s] into the light / hum[s] with small bees /
                nod[s] to each passer-by / turn[s] green in one night / wake[s] in a good mood /
                drip[s] after the rain / catch[es] the light / grow[s] a new inch / wait[s] for the bees""",
        ),
        Act(
            one="""soft rain / the thaw / a mild breeze / the morning / new sunlight / the breeze /
                warm rain / the sun / new light""",
            does="""wake[s] the garden / loosen[s] the soil / come[s] in by the back door /
                ask[s] for nothing / find[s] the open gate / go[es] from leaf to leaf /
                warm[s] the garden wall / touch[es] the blossom""",
        ),
    ),
    endings="""mud on both my knees / the first open door / I plant it deeper / something green insists /
        my coat left at home / petals on the bench / so much to water / I forgive the snails /
        dirt under my nails / all the bees agree""",
)

SUMMER: Final = Scene(
    keywords="""summer june july august sun sunshine sunlight heat holiday holidays vacation lemonade
        picnic pool swimming tennis football soccer baseball cricket ice cream melon butterfly festival""",
    things="""warm peaches / a paper fan / bare feet / a cricket / cut grass / a straw hat /
        ripe cherries / long shadows / a red kite / the garden hose / cold lemonade / a bee in my sleeve /
        gnats / dust / freckles / watermelon / a deck chair / two ice cubes / the last ice cream /
        thunder""",
    places="""in the shade / on the back porch / all summer long / at noon / in tall grass /
        on warm stones / after the storm / by the deck chair / in the long light / past the wheat fields /
        in a heat wave / under the fan / in July / on the lawn / until sundown / between two naps /
        in the sun / by the pool / in bare feet / on the dock / at the fair""",
    acts=(
        Act(
            one="a cricket / one gnat / the bumblebee / a butterfly / the lizard / one wasp / a toad",
            many="""two wasps / the crickets / fireflies / small green beetles""",
            does="""circle[s] the lemonade / rest[s] on the warm brick / keep[s] the garden awake /
                own[s] the afternoon / take[s] the long way round / go[es] nowhere slowly /
                land[s] on the hammock / pass[es] the time with me / begin[s] to believe /
                nap[s] in the shade / hum[s] out of sight / take[s] a day off""",
        ),
        Act(
            one="""the heat / a hot wind / noon / the afternoon / the long light / the sun / the haze /
                dry wind""",
            does="""lean[s] on the window / fall[s] asleep in the hay / melt[s] the ice cubes first /
                empt[ies/y] the street / hum[s] in the tall grass / make[s] the road shimmer /
                slow[s] the clock to a drip / drift[s] over the wheat / bake[s] the red bricks /
                lengthen[s] the road""",
        ),
        Act(
            one="the boy next door / my aunt / the ice cream man / a lifeguard / my niece / one boy",
            many="children / the neighbors / barefoot girls / two girls",
            does="""laugh[s] under the hose / count[s] the first raindrops /
                sleep[s] through the ball game / dive[s] in with a shout / wave[s] from the deck chair /
                chase[s/] a red kite / run[s] through the cold spray / float[s] on the pond /
                eat[s] all the plums / jump[s] off the dock""",
        ),
    ),
    endings="""salt on my eyelids / one more game till dark / the ice cubes clink once /
        sand in the bathtub / thunder, far away / grass stains on my knees / no plans till August /
        the hammock decides / nobody wears shoes / sunburn on my nose""",
)

AUTUMN: Final = Scene(
    keywords="""autumn fall september october november harvest leaf leaves pumpkin pumpkins halloween
        mushroom mushrooms apple apples scarecrow grandmother grandfather memory memories age wind grief
        goodbye""",
    things="""wet leaves / wood smoke / a scarecrow / red apples / thin sunlight / an acorn / gray geese /
        brown leaves / the first frost / an empty nest / my old scarf / chestnuts / low clouds / pumpkins /
        a torn web / a crow / bare branches / the smell of apples / a wool coat / cold rain""",
    places="""in the orchard / under bare trees / after the harvest / in thin mist / at dusk /
        on the wet path / by the woodpile / in October / along the fence / before the frost /
        in the stubble / among fallen leaves / at the day's end / late in the year / with the geese /
        on the back steps / in the mist / by the gate / on the steps / in the wind / at sunset /
        by the well""",
    acts=(
        Act(
            one="""the last leaf / a brown leaf / one maple leaf""",
            many="""oak leaves / the leaves / red leaves""",
            does="""let[s] go without fuss / land[s] on my shoulder / cross[es] the road with care /
                come[s] in with the mail / spin[s] down to the pond / knock[s] on the window /
                settle[s] on the bench / cling[s] to the rake / drift[s] past""",
        ),
        Act(
            one="""a crow / the old dog / the scarecrow / one squirrel / a gray heron""",
            many="""wild geese / two crows / the sparrows""",
            does="""watch[es] the corn fall / wait[s] out the cold rain / know[s] where the nuts are /
                tell[s] nobody / stand[s] in the stubble / listen[s] for snow / guard[s] an empty field /
                leave[s] without a sound""",
        ),
        Act(
            one="""the wind / thin mist / wood smoke / a cold draft / the dusk""",
            does="""read[s] the old letters / climb[s] the cellar stairs / wander[s] through the gate /
                take[s] the last apples / go[es] over the wall / come[s] early today /
                comb[s] the yellow grass / turn[s] a page for me""",
        ),
    ),
    endings="""I button my coat / the rake leans and waits / geese saying it first /
        I turn the clocks back / smoke from somewhere else / nuts in my pockets / the year thinning out /
        one apple, still warm / leaves in the mailbox / nothing left to rake""",
)

WINTER: Final = Scene(
    keywords="""winter december january february snow snowman ice frost cold christmas new year skiing
        penguin penguins sled mitten mittens blizzard polar hanukkah solstice silence""",
    things="""fresh snow / one mitten / blue ice / a snowman / woolen socks / cold stars / an icicle /
        white breath / old snow / a red scarf / a candle / pine smoke / black branches / hot cocoa /
        a wool hat / footprints / soft flakes / a shovel / frost ferns / the short day""",
    places="""in deep snow / by the wood stove / under the quilt / on thin ice / in the cold /
        at the bus stop / before sunrise / beneath the pines / on frosted glass / in wool socks /
        all winter / at first frost / until the thaw / by candlelight / with red cheeks /
        in the white field""",
    acts=(
        Act(
            one="""the snow / a light snow / the first snow / new snow / the frost""",
            does="""fill[s] the empty nest / cover[s] my footprints / fold[s] the fields away /
                forgive[s] the rooftops / come[s] without a knock / fix[es] the broken fence /
                round[s] off the corners / teach[es] the street to whisper / settle[s] on the swing""",
        ),
        Act(
            one="""the snowman / a gray cat / the street lamp / one pine tree / the mailbox / the pine /
                the barn / the gate""",
            many="""the rooftops / two bare elms / parked cars""",
            does="""wear[s] a white hat / stand[s] deep in thought / keep[s] a straight face /
                wait[s] for a warm day / sleep[s] under the moon / hold[s] very still /
                look[s] older today / say[s] nothing all day""",
        ),
        Act(
            one="the kettle / a candle / the wood stove / the old lamp / the stove / one lamp",
            many="""small candles""",
            does="""soften[s] the dark room / warm[s] the whole kitchen / keep[s] the cold outside /
                mutter[s] to the cat / make[s] the window blush / clear[s] a small round space /
                take[s] the night shift / hum[s] to the frost / soften[s] the room""",
        ),
    ),
    endings="""my glasses fog up / soup for two, or three / the quilt has my vote / snow up to the sill /
        the street turned to wool / five o'clock and dark / one glove, and then none /
        boots beside the door / breath upon my hands / the stars, cold and close""",
)

SEA: Final = Scene(
    keywords="""sea ocean beach wave waves surf surfing boat boats ship ships sailing sail island whale
        whales fish fishing shark dolphin dolphins harbor coast tide mermaid lighthouse octopus seal salt
        sand captain pirate pirates water swim""",
    things="""salt wind / wet sand / a gull / gray water / sea glass / an anchor / small waves / old rope /
        low clouds / driftwood / white foam / an empty boat / a long swell / fog bells / the ebb tide /
        oyster shells / a paper boat / sun on water / one far sail / tangled nets""",
    places="""at low tide / on the pier / by the harbor / off the coast / in the salt wind /
        on the wet sand / before the storm / at the sea wall / under the gulls / between two waves /
        with the tide / in thick fog / below the lighthouse / along the shore / on the last boat /
        near the rocks""",
    acts=(
        Act(
            one="the tide / a slow wave / the water / the ebb tide / the swell / the surf / low tide",
            many="small waves / the breakers / the waves",
            does="""come[s] back for my shoes / borrow[s] the moonlight / smooth[s] over my name /
                go[es] out with no word / return[s] what was lost / turn[s] over in bed /
                empt[ies/y] the rock pools / take[s] back the sand fort / begin[s] again /
                shuffle[s] the pebbles""",
        ),
        Act(
            one="""a gull / one old seal / the pelican / a cormorant / the ferry / a tern / one crab /
                a seal""",
            many="""two gulls / gray dolphins""",
            does="""go[es] by without me / wait[s] for the fishing boats / ask[s] for a sandwich /
                ride[s] the morning swell / vanish[es] in fog / look[s] back only once /
                follow[s] the coastline / complain[s] to the pier""",
        ),
        Act(
            one="""an old boat / the small red buoy / the lighthouse / my paper boat / the pier / a raft /
                my boat""",
            many="""the fishing boats""",
            does="""nod[s] to the water / lean[s] into the fog / wait[s] for the weather /
                keep[s] watch until dawn / dream[s] of deep water / bow[s] to the big waves""",
        ),
    ),
    endings="""salt in my coffee / the ferry horn, twice / my shoes full of sand / no bottom in sight /
        gulls in an uproar / a line, then more sea / the far shore can wait / foam around my feet /
        the tide keeps my name / land, when I look back""",
)

NIGHT: Final = Scene(
    keywords="""night midnight moon moonlight star stars dream dreams sleep insomnia dark darkness space
        galaxy planet planets owl bat bats ghost ghosts shadow vampire universe comet rocket astronaut mars
        eclipse cosmos alien aliens time death""",
    things="""the half moon / cold stars / a porch light / moonlight / an owl / moths / a dark house /
        one window / thin clouds / a night train / the clock / a comet / deep blue / crickets /
        a long shadow / moon dust / two headlights / bare shoulders / my dim lamp / an old satellite""",
    places="""at midnight / under the stars / by moonlight / in the dark / past the porch light /
        at half past two / on the roof / before sleep / beneath the moon / on the night bus / in my dream /
        until daybreak / with the lights off / in deep space / after the last train / on the dark stairs""",
    acts=(
        Act(
            one="""the moon / a thin moon / the half moon / one star / the night sky""",
            many="""the same old stars / cold stars""",
            does="""look[s] in on us all / wait[s] on the landing / lean[s] down to listen /
                rest[s] on the rooftops / come[s] with us on foot / keep[s] the dark company /
                count[s] the open windows / float[s] in my teacup / go[es] home before me""",
        ),
        Act(
            one="""an owl / the night watchman / one moth / a street cat / the last bus""",
            many="""two moths / the night nurses""",
            does="""pass[es] by slowly / know[s] the way by heart / ask[s] the same question /
                circle[s] the porch light / hear[s] the dew falling / carr[ies/y] the dark home /
                take[s] the empty street / wait[s] for the sunrise""",
        ),
        Act(
            one="""the clock / sleep / a far train / the stairwell / midnight""",
            does="""talk[s] in a low voice / come[s] late and barefoot / forget[s] what it wanted /
                hum[s] an old tune / walk[s] from room to room / count[s] up to nothing /
                leave[s] the window open""",
        ),
    ),
    endings="""I leave the lamp on / nobody else up / half of it a dream / stars minding the store /
        the dark says good night / moon in my teacup / one lamp still burning / too late for the bus /
        the pillow turned twice / such small lights, so far""",
)

CITY: Final = Scene(
    keywords="""city town street streets traffic bus subway metro taxi london paris tokyo berlin york rome
        train trains station bicycle bicycles bike bikes car cars market people crowd music jazz neon
        museum dance dancing politics shopping""",
    things="""wet pavement / neon / a bus stop / one umbrella / warm bread / a street cat / late taxis /
        red brick / pigeons / a traffic light / steam / the corner shop / two bicycles / brass music /
        a subway grate / window light / strangers / a lost glove / a saxophone / a paper cup / wet steps /
        tram bells / loud shoes / taxis""",
    places="""at the bus stop / on the night train / in the crowd / at high noon / on Main Street /
        in neon / between two trains / under the bridge / at the corner shop / in the subway /
        by the newsstand / on a wet street / past the bakery / at a red light / on the last tram /
        in the park / on the tenth floor / in the rain / on the bridge / at the lights / by the park /
        on a bench""",
    acts=(
        Act(
            one="""a stranger / the baker / one jogger / an old man / the busker / a child / a boy /
                a nun / one cop / the mime""",
            many="""two strangers / young lovers / commuters""",
            does="""laugh[s] into the phone / hum[s] along with me / miss[es] the last train /
                share[s] the umbrella / feed[s] the fat pigeons / run[s] for the crosstown bus /
                hold[s] the door open / wait[s] for the green light / dance[s] at the crosswalk /
                say[s] sorry first / miss[es] the bus / share[s] the hot fries / look[s] up and smile[s]""",
        ),
        Act(
            one="""the city / Main Street / the market / the old bridge / the station / the square /
                downtown / the park / the bridge""",
            many="""the rooftops / the side streets""",
            does="""put[s] on the evening / smell[s] of rain and bread / hum[s] under the rain /
                wake[s] up before me / shine[s] after the rain / turn[s] the music down / blink[s] awake /
                hum[s] in the rain / come[s] up for air""",
        ),
        Act(
            one="a pigeon / the street cat / one sparrow / a small dog / a crow / one dog / a mouse",
            many="""pigeons / two sparrows""",
            does="""cross[es] with the crowd / own[s] the whole sidewalk / ride[s] the escalator /
                wait[s] outside the shop / take[s] the next train home / ignore[s] the red light /
                inspect[s] a paper bag / wait[s] for the bus / eat[s] the last crumbs""",
        ),
    ),
    endings="""the doors slide open / rain on the wide road / a bus no one needs /
        two trains, then silence / the baker waves back / a tune I once knew / we share the awning /
        next stop, then the next / small change for the band / strangers, then neighbors""",
)

HOME: Final = Scene(
    keywords="""home house cat cats dog dogs kitten kittens puppy puppies pet pets tea kitchen cooking
        bread cake pizza cheese soup breakfast dinner lunch family mother father mom dad sister brother
        child children kids daughter son sofa bed laundry chocolate cookie cookies pancakes bath piano
        window sunday""",
    things="""a blue bowl / warm toast / the kettle / cat hair / one odd sock / a teacup / lantern light /
        fresh sheets / the good chair / a cracked plate / burnt toast / slippers / sun on the rug /
        a full sink / old photographs / the spare key / honey / a jar of buttons / crumbs / two spoons""",
    places="""on the stairs / by the window / in the kitchen / under the table / on the good chair /
        after supper / at breakfast / in a warm lap / beside the stove / in the next room / on the sofa /
        between two naps / in slippers / on Sunday / with the radio / near the teapot / at bath time /
        at the sink / on the shelf / in the hall / by the stove / in my lap""",
    acts=(
        Act(
            one="""the kettle / an old clock / the toaster / the front door / the fridge / the clock /
                the sink""",
            many="the floorboards / the old pipes / the stairs",
            does="""hum[s] an old love song / talk[s] to the kitchen / know[s] all my secrets /
                grumble[s] in the dark / wake[s] up before us / tell[s] the same story /
                sing[s] half a note flat / need[s] a little oil / fall[s] silent / mutter[s] all night /
                wait[s] for the tea / sound[s] like the sea""",
        ),
        Act(
            one="""the cat / my mother / the old dog / my sister / Grandpa / the baby / my dad / my niece /
                the dog""",
            many="the children / the twins",
            does="""sleep[s] through the thunder / steal[s] the warm cushion / pretend[s] to listen /
                own[s] the good chair / look[s] up and look[s] away / ask[s] for more butter /
                win[s] the argument / wait[s] by the oven / laugh[s] at nothing much /
                hide[s] the good spoons / sleep[s] on my coat / want[s] a new book""",
        ),
        Act(
            one="""sunlight / the morning / the smell of bread / a warm draft / the sun / a breeze /
                the light""",
            does="""find[s] the blue teacup / climb[s] the kitchen stairs / settle[s] on the rug /
                wander[s] room to room / come[s] in without shoes / open[s] the last door""",
        ),
    ),
    endings="""crumbs on the table / the good cup again / one sock, still missing /
        all the spoons are clean / butter and a knife / we do the dishes / the toast lands face down /
        two plates in the sink / home is a warm plate / the cat disagrees""",
)

WORK: Final = Scene(
    keywords="""work job office code coding software programming programmer python django javascript
        computer computers machine learning data email emails meeting meetings deadline deadlines monday
        money taxes budget boss keyboard internet server servers bug bugs debugging ai artificial
        intelligence algorithm database cloud design credits credit invoice invoices stripe school homework
        exam exams math university science robot robots phone test tests startup business coffee espresso""",
    things="""cold coffee / a blue screen / sticky notes / one more tab / the deadline / a loose cable /
        unread mail / the printer / paper clips / a blank page / two monitors /
        a green light / bad handwriting / the server room / old passwords / a pencil stub / a spreadsheet /
        lukewarm tea / a desk plant / red ink / two pens / cold tea / blank forms / green checks /
        one crumb / the fan / long lists""",
    places="""at my desk / before lunch / after the meeting / on the blue screen / in the next room /
        on Monday / under the lamp / at ten to five / between two meetings / in the break room /
        on my third cup / past the deadline / under the desk lamp / in the margins / with cold coffee /
        on the white wall / at noon / at five / on hold / by noon""",
    acts=(
        Act(
            one="""the printer / an old laptop / the coffee machine / the cursor / the server / my mouse /
                the screen / the code""",
            many="""the servers / the ceiling lights""",
            does="""blink[s] in the half dark / think[s] about it first / hum[s] through the weekend /
                ask[s] me if I'm sure / wait[s] for one more word / begin[s] again / refuse[s] to explain /
                need[s] to be unplugged / stop[s] for a rest / ask[s] for more ink / blink[s] and forget[s]""",
        ),
        Act(
            one="""the intern / my old boss / the new clerk / a coworker / the night guard / my boss /
                the temp / one clerk""",
            many="""the auditors / my teammates""",
            does="""laugh[s] in the hallway / water[s] the plastic plant / draw[s] boats in the margins /
                find[s] the missing comma / go[es] home on time / look[s] out at the rain /
                bring[s] cake to the meeting / delete[s] the last file / leave[s] before noon /
                steal[s] the good pens / ask[s] where we are""",
        ),
        Act(
            one="one fly / a paper plane / the afternoon / a sunbeam / a fly / the sun / a moth",
            does="""cross[es] the meeting room / land[s] on the keyboard / take[s] the corner desk /
                skip[s] the agenda / circle[s] the coffee / outlast[s] the meeting""",
        ),
    ),
    endings="""I save it again / one comma, that's all / nobody hits send / the cursor blinks back /
        we call it finished / all my tabs still here / it works, no one asks / don't ask why it works /
        undo, then undo / the weekend, almost""",
)

FOREST: Final = Scene(
    keywords="""forest woods wood tree trees mountain mountains river rivers hill hills hiking camping lake
        stream waterfall fox foxes wolf wolves bear bears deer rabbit rabbits frog frogs pond fern moss
        snake horse horses elephant elephants lion tiger dragon dragons dinosaur dinosaurs nature earth cow
        cows sheep goat farm valley desert stone stones zen meditation""",
    things="""pine needles / a cold stream / fox tracks / soft moss / tall ferns / an old stump /
        thin willows / a snail / a rope bridge / one feather / gray stones / wild garlic / wood smoke /
        a frog / a thrush / mist / deep shade / a spider thread / the trail map / a deer path""",
    places="""in the pines / by the cold stream / on the trail / under the oak / past the old bridge /
        in deep shade / at the tree line / on the far hill / across the lake / beside the falls /
        in the moss / after the rain / along the ridge / at the cave mouth / near the campsite /
        on a flat stone / in the mist""",
    acts=(
        Act(
            one="""a fox / one deer / the old frog / a hare / the woodpecker / a snail""",
            many="""field mice / the small frogs""",
            does="""drink[s] and move[s] along / cross[es] the trail at dawn / listen[s] to the falls /
                rest[s] by the old bridge / look[s] at me and stay[s] / go[es] where the path ends /
                vanish[es] in ferns / know[s] a better road / share[s] the blackberries /
                leave[s] only small tracks""",
        ),
        Act(
            one="""the mountain / a cold stream / the valley / one gray stone / the old oak""",
            many="""the pine trees / tall ferns""",
            does="""keep[s] the last daylight / hold[s] up half the sky / listen[s] back to me /
                let[s] the mist decide / put[s] on the evening / has[/have] no need of news /
                take[s] a thousand years / say[s] it in silence / shine[s] after the rain""",
        ),
        Act(
            one="""mist / a cool wind / the drizzle / the first light / dusk""",
            does="""climb[s] the hill with me / erase[s] the far trees / walk[s] across the lake /
                settle[s] in the moss / open[s] the valley / follow[s] the deer path /
                turn[s] the pine trees blue""",
        ),
    ),
    endings="""the map was no help / pine sap on my hands / we come back muddy / the stream says the rest /
        a stone in my shoe / the trail doubles back / my own breath, then birds / leave it as it is /
        all this without me / the owl has the floor""",
)

HEART: Final = Scene(
    keywords="""love heart hearts friend friends friendship hope joy happiness happy sadness sad fear anger
        peace kindness courage freedom life soul smile laughter kiss hug marriage anniversary birthday luck
        wisdom truth beauty faith patience gratitude loneliness nostalgia youth valentine promise trust
        poetry art book books story letter letters grace""",
    things="""a held breath / two cold cups / a folded note / small talk / my best shirt / an old joke /
        warm hands / your name / a saved seat / one long call / the good news / wet eyelashes /
        a borrowed coat / a paper ring / half a laugh / the porch swing / a spare key / wildflowers /
        old letters / a quiet room / kind eyes / plain truth / long walks / old jokes / loose ends""",
    places="""in your coat / by the back door / on the porch swing / after all these years /
        in my best shirt / at the far table / between old friends /
        on the long drive home / in the slow dawn / with the lights low / at the next table /
        after the last song / on the phone / in the front seat / at the door / in the hall /
        by my side / on the train / at long last / once again""",
    acts=(
        Act(
            one="""a good friend / my old coat / your letter / the porch swing / the spare key /
                your scarf / my coat / the swing""",
            many="""your letters / old photographs""",
            does="""know[s] how to keep still / wait[s] beside the door / remember[s] summer /
                make[s] room for us both / come[s] back to my hands / keep[s] a little warmth /
                belong[s] to us both / smell[s] of wood smoke / stay[s] by the door / make[s] me sit down""",
        ),
        Act(
            one="""the old man / your laugh / my neighbor / the bride / a small child / my aunt /
                the groom / a child""",
            many="""two old friends / the newlyweds""",
            does="""fill[s] the narrow hall / stay[s] for one more song / light[s] up the kitchen /
                wake[s] the sleeping dog / come[s] in from the rain / dance[s] in the doorway /
                forget[s] the umbrella / save[s] me a dance / sing[s] out of tune / wave[s] from the train""",
        ),
        Act(
            one="the silence / the last song / an old tune / that one word / one word / that song",
            does="""sit[s] down between us / say[s] what we could not / warm[s] the empty chair /
                follow[s] me back home / stay[s] with me all day / grow[s] softer with age /
                get[s] up and go[es] home / fill[s] the whole car / know[s] what to do""",
        ),
    ),
    endings="""I save you a seat / your hand finding mine / you hum the next line / both of us laughing /
        I keep the letter / no words for a while / say it anyway / you were right again /
        two chairs, one window / stay until the end""",
)

SCENES: Final = (SPRING, SUMMER, AUTUMN, WINTER, SEA, NIGHT, CITY, HOME, WORK, FOREST, HEART)

# Last lines that suit any scene.
ENDINGS: Final = """nothing left to say / I forget the time / and so it begins / I stay for a while /
    we both look away /
    no one is in charge / I let it happen / one more cup of tea / the kettle goes cold /
        I could live like this /
    as if for the last / who else is awake / nothing needs mending / my pockets empty / the door left open /
    someone hums along / I hold my breath, too / we leave the lights on / and then the silence /
        tomorrow can wait /
    still so much to learn / I take the long way / I write it down twice / the best part is free /
        older than my name /
    how quickly we learn / one breath, then the next / the long way back home / I almost wave back /
    a laugh through the wall / I keep the receipt / it costs me nothing / nobody keeps score /
        the moon, unimpressed /
    we call this progress / I say thank you twice / no need to explain / half of it is luck /
        slowly, then at once /
    somebody's birthday / the rest is weather / I miss you a bit / we were young in it /
        forgive me, old friend /
    even the dog sighs / all my clocks are wrong / come in, says the lamp / we begin to laugh /
        let the phone ring out /
    what a thing to love / lucky to be here / none of us wiser / I know it by heart / I lose count again /
    nothing is wasted"""

# Frames: `{}` is the topic; a PLACE and a THING come from the scene. In none of them is the topic the subject
# of a finite verb, for then it would have to be known whether it is one or many.
OPENINGS: Final = """{} / {}, again / only {} / once more, {} / ah, {} / oh, {} / still, {} / hello, {} /
    good morning, {} / {} PLACE / {} here PLACE / PLACE, {} / THING and {} / {} and THING /
        THING, and then {}"""

MIDDLES: Final = """{} / ah, {} / still, {} / {}, waiting / once more, {} / all day long, {} /
    thinking of {} /
    thinking of {} PLACE / I dream of {} / I dream of {} PLACE / no news of {} / no news of {} PLACE /
    {}, half asleep / {}, in no hurry / {}, and nothing else / a song about {} / a song about {} PLACE /
    we talk about {} / we talk about {} PLACE / I make room for {} / I make tea for {} / tell me about {} /
    nobody mentions {} / {}, waiting by the door / {} in my coat pocket / {}, filling up the room /
    my mother asks about {} / the whole town talks about {} / I change my mind about {} /
        half asleep, I think of {} /
    {} PLACE / PLACE, {} / THING and {} PLACE / {} and THING PLACE / looking for {} PLACE /
        I write about {} PLACE"""

CLOSINGS: Final = """{} / ah, {} / still, {} / and then, {} / and still, {} / only {} / {}, again /
    {}, of course /
    good night, {} / thinking of {} / {}, after all / nothing but {} / {}, and silence / and, of course, {} /
    at the end, {} / {}, and all that / {} PLACE / I remember {} / I make room for {} / {} and THING"""

# For topics that are said rather than named: questions, greetings, sentences.
SAYINGS: Final = """{} / hush: {} / still: {} / just this: {} / you say: {} / I hum: {} / again: {} /
    it says: {} /
    someone says: {} / I whisper: {} / on the wall: {} / the note reads: {} / the crow says: {} /
        written in chalk: {} /
    on the window: {} / carved in the bench: {} / the sparrow sings: {} / the postcard says: {} /
        I tell the cat: {} /
    I ask the moon: {} / the old clock repeats: {} / all night the rain says: {} / the kettle whistles: {} /
    at the top of my list: {} / in the dust on the car: {} / on the bathroom mirror: {}"""

# For topics that tell where or when: "in the rain", "after work".
WHEREABOUTS: Final = """{} / still, {} / oh, {} / THING {} / {}, THING / I wait {} / we meet {} /
    someone hums {} /
    something moves {} / I think of you {} / we meet again {} / nobody speaks {} / the kettle sings {} /
    somebody laughs {} / a bell rings out {} / someone is singing {} / the street lamps come on {} /
    I lost my umbrella {} / my mother used to dance {}"""

# Single things, which want an article when a topic comes without one. Kinds of stuff (rain, love) want none.
COUNTABLE: Final = word_set(
    """acorn airplane alien ant anchor apple astronaut baby bag balloon banana bat beach bear bed bee bell
    bicycle bike bird boat book bottle bowl box boy branch bridge brother bucket bug bus butterfly button
    cactus cake camel camera candle candy car cat chair child church city clock cloud coat comet computer
    cookie cow crow crab cup cursor deadline deer desert desk dinosaur doctor dog dolphin donkey door
    dragon dream duck eagle elephant engine eye family farm father feather ferry field finger fish flower
    fly forest fork fox friend frog garden ghost giraffe girl glove goat goose guitar hammer hand hat
    heart hedgehog helmet hill horse house iceberg island jacket jellyfish key kettle king kitchen kite
    kitten ladder lake lamp leaf letter library lighthouse lion lizard map market meeting mermaid mirror
    monkey moon mother mountain mouse mushroom needle neighbor nest notebook nurse ocean octopus office
    onion orchard owl panda parrot party peach pencil penguin piano picture pig pigeon pillow pirate
    planet poem poet pond potato printer programmer pumpkin puppy queen rabbit radio raven refrigerator
    river robot rocket roof room rose sailor sandwich school sea shadow shark sheep ship shoe shop shovel
    sister skeleton snail snake snowman sock sofa song sparrow spider spoon squirrel star station stone
    storm stranger street student sun sunflower sunrise sunset swan swing table taxi teacher teapot
    telephone telescope tiger toaster tomato tower town train tree truck tulip turtle umbrella unicorn
    universe vampire village violin volcano waterfall wave wedding whale wheel window witch wizard wolf
    woman"""
)

# Names among the keywords above, which keep their capital.
PROPER: Final = word_set(
    """april march may june july august september october november december january february monday sunday
    easter halloween christmas hanukkah valentine python django javascript stripe london paris tokyo
    berlin york rome mars cosmos dawn"""
)
