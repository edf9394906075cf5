"""Pixel art of 8 by 8 pixels per sprite: the things of `art_16px.py`, redrawn for the small size.

Uses the same palette and format: strips of drawings side by side, one
character per pixel. Read next: `sprites.py`.
"""

STRIPS: tuple[tuple[str, str], ...] = (
    (
        "wall wall_top crate platform",
        """
        dddddddd nnnnnnnn BBBBBBBB qqqqqqqq
        EEEdEEEE NNnNNNnN BooooooB qppppppq
        eeedeeee mNNmmNNm BoOBBOoB qpPPPPPq
        eeedeeee emmeemme BoBOOBoB qpPPPPPq
        dddddddd dddddddd BoBOOBoB qqqqqqqq
        EEEEEEEd EEEEEEEd BoOBBOoB qpppqppq
        eeeeeeed eeeeeeed BooooooB qpPPqpPq
        eeeeeeed eeeeeeed BBBBBBBB qqqqqqqq
        """,
    ),
    (
        "lava lava_top spikes saw",
        """
        LLLLLLLL ........ ........ k..kk..k
        LLlLLLLL .....l.. ........ .kSSSsk.
        LLLLLMLL hh....hh .k...k.. .SSSSss.
        LMLLLLLL llhhhhll .k...k.. kSSRrssk
        LLLLlLLL LLllllLL kSk.kSk. kSsrRsgk
        LLLLLLLL LLLLLLML kSk.kSk. .sssssg.
        LLlLLLML LMLlLLLL kSgkkSgk .kssggk.
        LLLLLLLL LLLLLLLL SSgGSSgG k..kk..k
        """,
    ),
    (
        "coin coin_invisible decoy monster",
        """
        ..DDDD.. ..z..z.. ..kkkk.. .k....k.
        .DYyyyD. .z....z. .kSssgk. kuk..kuk
        DYyYAyyD ........ kSgssggk kuukkuuk
        DyyYAyyD z......z kssggssk kuwuuwuk
        DyyYAyyD z......z kssggssk kukuukUk
        DyyYAyAD ........ ksgssggk kuuuuuUk
        .DyyyAD. .z....z. .ksggGk. kuwkwkUk
        ..DDDD.. ..z..z.. ..kkkk.. .kk..kk.
        """,
    ),
    (
        "agent_right agent_jump_right agent_fall_right agent_dead",
        """
        ..kkkkk. ..kkkkk. rrkkkkk. ........
        .kiiiiik .kikckck rkiiiiik ........
        .kikckck .kikckck rkiiiiik ...kkkk.
        .kikckck .kiiiiik rkikckck ..kiiiik
        .kkkkkkk .kkkkkkk .kkkkkkk ..kizkzk
        rrrrrrr. krrrrrik kirrrrik ..kikkkk
        ..kiiik. rrkiiik. .kkiiik. rrrrrrk.
        ..kk.kk. r.kk.kik ..kk.kk. rrkiiikk
        """,
    ),
)
