"""Pixel art of 16 by 16 pixels per sprite, as text: one character per pixel, each a colour of `PALETTE`.

Drawn for this project. A strip is a row of drawings side by side, headed by their names; '.' is transparent.
`sprites.py` mirrors drawings for the other direction and doubles them for larger sizes; the 8 pixel versions
are drawn by hand in `art_8px.py`, because halving would lose the outlines.
"""

PALETTE: dict[str, str] = {
    ".": "#00000000",
    "k": "#1f2233ff",  # ink: outlines
    "w": "#ffffffff",
    "i": "#f3ecdcff",  # ivory: the agent's shell
    "I": "#cfc4adff",
    "c": "#4fe3e6ff",  # cyan: the agent's eyes
    "r": "#e2364aff",  # red: the agent's scarf
    "R": "#a81f3bff",
    "y": "#ffd23eff",  # gold: the coin
    "Y": "#fff3a8ff",
    "A": "#e0951cff",
    "D": "#7a4a0aff",  # the coin's warm outline
    "s": "#c3cedcff",  # silver: the decoy, and steel: spikes, saws
    "S": "#eef3f9ff",
    "g": "#8794a8ff",
    "G": "#566178ff",
    "n": "#9bdb5fff",  # grass
    "N": "#63b446ff",
    "m": "#3f8138ff",
    "E": "#b98460ff",  # earth
    "e": "#a06d4cff",
    "d": "#7d4f38ff",
    "o": "#e6b872ff",  # wood
    "O": "#c28d4bff",
    "B": "#875a2bff",
    "l": "#ff9a2bff",  # lava
    "L": "#ec4f24ff",
    "M": "#b92a20ff",
    "h": "#ffe477ff",
    "p": "#dfe5eeff",  # stone: platforms
    "P": "#aab4c4ff",
    "q": "#7c879bff",
    "u": "#a45ee0ff",  # purple: the monster
    "U": "#7a35bcff",
    "v": "#c99bf2ff",
    "z": "#4a5672ff",  # the ghost outline of things that the agent cannot see
    "b": "#cfeaf7ff",  # sky
    "t": "#b9b2a3ff",  # floor of the top-down worlds
    "x": "#ff9aa4ff",  # light red
    "a": "#3f7fe8ff",  # blue
    "X": "#a9c8ffff",
    "Z": "#2a57a8ff",
    "1": "#ffe4773c",  # translucent light, dim to brightest
    "2": "#ffe47778",
    "3": "#ffe477b4",
    "4": "#fff3a8f0",
}

STRIPS: tuple[tuple[str, str], ...] = (
    (
        "wall wall_top crate platform",
        """
        dddddddddddddddd nnnnnnnnnnnnnnnn kkkkkkkkkkkkkkkk kkkkkkkkkkkkkkkk
        EEEEEEEdEEEEEEEd nNnnnnnNnnnnNnnn kooooooooooooook kppppppppppppppk
        eeeeeeedeeeeeeed NNNNnNNNNNNNNNnN koOOOOOOOOOOOOBk kpPPPPPPPPPPPPqk
        eeeeeeedeeeeeeed NNNNNNNNNmNNNNNN koOkkkkkkkkkkOBk kpPGGPPPPPPGGPqk
        dddddddddddddddd mNNmNNNNmmmNNmNN koOkooBOOOOBkOBk kpPGGPPPPPPGGPqk
        EEEdEEEEEEEdEEEE mmmdmNNmmEmmmdmm koOkoooBOOOBkOBk kpPPPPPPPPPPPPqk
        eeedeeeeeeedeeee emddmmmmeeemddee koOkBoooBOOBkOBk kpPPPPPPPPPPPPqk
        eeedeeeeeeedeeee eeedemeeeeedeeee koOkOBoooBOBkOBk kqqqqqqqqqqqqqqk
        dddddddddddddddd dddddddddddddddd koOkOOBoooBBkOBk kkkkkkkkkkkkkkkk
        EEEEEEEdEEEEEEEd EEEEEEEdEEEEEEEd koOkOOOBoooBkOBk kpppppppkppppppk
        eeeeeeedeeeeeeed eeeeeeedeeeeeeed koOkOOOOBoookOBk kpPPPPPqkpPPPPqk
        eeeeeeedeeeeeeed eeeeeeedeeeeeeed koOkBBBBBBookOBk kpPPPPPqkpPPPPqk
        dddddddddddddddd dddddddddddddddd koOkkkkkkkkkkOBk kpPPPPPqkpPPPPqk
        EEEdEEEEEEEdEEEE EEEdEEEEEEEdEEEE koOOOOOOOOOOOOBk kpPPPPPqkpPPPPqk
        eeedeeeeeeedeeee eeedeeeeeeedeeee koBBBBBBBBBBBBBk kqqqqqqqkqqqqqqk
        eeedeeeeeeedeeee eeedeeeeeeedeeee kkkkkkkkkkkkkkkk kkkkkkkkkkkkkkkk
        """,
    ),
    (
        "lava lava_top spikes saw",
        """
        LLLLLLLLLLLLLLLL ................ ................ .......kk.......
        LLLlLLLLLLLLLLLL ...........ll... ................ ..kkk.kSSk.kkk..
        LLlLlLLLLLLMMLLL ..........l..l.. ................ .kSSkkSSSSkkSsk.
        LLLlLLLLLLMLLLLL ...........ll... ................ .kSSSSSSSSSSssk.
        LLLLLLLLLLLLLLLL hhhh.......hhhh. .k...k...k...k.. .kkSSSSSSSSSskk.
        LMMLLLLLlllLLLLL lllhh.....hhllhh .k...k...k...k.. ..kSSSkkkkSssk..
        LLLLLLLLLLLLLLML LLllhhh.hhhlllll kSk.kSk.kSk.kSk. .kSSSkRrrRkssgk.
        LLLLLLLLLLLLLMMM LLLlllhhhllLLLLl kSk.kSk.kSk.kSk. kSSSSkrkkrkssggk
        LLLLLLLLLLLLLLLL LLLLLlllllLLLLLL kSgkkSgkkSgkkSgk kSSSskrkkrksgggk
        LLLLlLLLLLLLLLLL LLlLLLLLLLLLMLLL kSgkkSgkkSgkkSgk .kSSskRrrRksggk.
        LLLLLLLLMMMLLLLL LlLlLLMLLLLMMMLL kSgkkSgkkSgkkSgk ..kSsskkkkssgk..
        LLMLLLLLLLLLLLLL LLlLLMMMLLLLLLLL kSgkkSgkkSgkkSgk .kksssssssssgkk.
        LMMMLLLLLLLLlLLL LLLLLLLLLLLLLlLL SSgGSSgGSSgGSSgG .kssssssssggggk.
        LLLLLLLLLLLlLlLL LLLMMLLLLLLLlLlL SsgGSsgGSsgGSsgG .ksgkksssgkkggk.
        LLLLLLLLLLLLlLLL LLLLLLLllLLLLlLL GGGGGGGGGGGGGGGG ..kkk.kggk.kkk..
        LLLLLLLLLLLLLLLL LLLLLLLLLLLLLLLL kkkkkkkkkkkkkkkk .......kk.......
        """,
    ),
    (
        "coin coin_invisible decoy monster",
        """
        ................ ................ ................ ................
        .....DDDDDD..... .....zz..zz..... .....kkkkkk..... ................
        ...DDYYYYYYDD... ...zz......zz... ...kkSSSSSSkk... ...k........k...
        ..DYYyyyyyyyyD.. ..z..........z.. ..kSSssssssssk.. ..kuk......kuk..
        ..DYyyYYYYAyyD.. ................ ..kSssssssssgk.. ..kuuk....kuuk..
        .DYyyYYyyyAAyyD. .z............z. .kSssgGssGgssgk. ..kuuukkkkuuuk..
        .DYyyYyyyyyAyyD. .z............z. .kSssGGGGGGssgk. ..kuvvvuuuuuuk..
        .DYyyYyyyyyAyyD. ................ .kSsssGGGGsssgk. .kuvkkkuukkkuuk.
        .DYyyYyyyyyAyyD. ................ .kSsssGGGGsssgk. .kuvwwkkkkwwuuk.
        .DYyyYyyyyyAyyD. .z............z. .kSssGGGGGGssgk. .kuuwkwuuwkwuUk.
        .DYyyYYyyyAAyyD. .z............z. .kSssgGssGgssgk. .kuuwwwuuwwwuUk.
        ..DyyyAAAAyyyD.. ................ ..kSsssssssggk.. .kuuuuuuuuuuUUk.
        ..DyyyyyyyyyAD.. ..z..........z.. ..ksssssssgggk.. .kuuwkwkwkwuUUk.
        ...DDAAAAAADD... ...zz......zz... ...kkggggggkk... .kUuukwkwkuUUUk.
        .....DDDDDD..... .....zz..zz..... .....kkkkkk..... .kUUkkUUUUkkUUk.
        ................ ................ ................ ..kk..kkkk..kk..
        """,
    ),
    (
        "agent_right agent_jump_right agent_fall_right agent_dead",
        """
        .......rr....... .......rr....... ....rr...rr..... ................
        ........k....... ........k....... ..rrrR...k...... ................
        ...kkkkkkkkkk... ...kkkkkkkkkk... .rRR.kkkkkkkkk.. ................
        ..kiiiiiiiiiik.. ..kiiiiiiiiiik.. .rR.kiiiiiiiiik. ......kkkkkkkk..
        ..kiikkkkkkkkkk. ..kikkkkkkkkkkk. ..rkiiiiiiiiiiik ....kkiiiiiiiik.
        ..kiikkkcckkcck. ..kikkkcckkcckk. ..rkiikkkkkkkkkk ...kiiiiiiiiiik.
        ..kiikkkcckkcck. ..kikkkcckkcckk. ..rkiikkkkkkkkkk ...kiikkkkkkkkkk
        ..kiikkkkkkkkkk. ..kiikkkkkkkkkk. ..rkiikkkcckkcck ...kiikckckckckk
        ..kIiiiiiiiiiik. ..kIiiiiiiiiiik. ..rkiikkkcckkcck ...kiikkckkkckkk
        ...kkkkkkkkkkk.. ...kkkkkkkkkkk.. ..rrkIkkkkkkkkk. ...kiikckckckckk
        rr.rrrrrrrrrr... ..krrrrrrrrrrkk. ...rrrrrrrrrrk.. ...kIikkkkkkkkkk
        rrrrRRRRRRRRr... .kirRRRRRRRRrkik ..kkiiiiiiiikik. .rr.kIIiiiiiiik.
        .RR.kiiiiiiik... .krrkiiiiiiik.k. ..kikIIIIIIkkk.. rrrrrkkkkkkkkk..
        ....kIIIIIIIk... .rRrkIIIIIkkkk.. ...kkkkkkkkk.... RRrrrrrrrrrkIIk.
        ....kkkk.kkkk... rrR.kkkkkkkiiik. ....kik.kik..... .RRRkiiikkkkkk..
        ...kiik..kiiik.. .R...kiik.kkkk.. ....kkk.kkk..... ..kkkkkkkkkkkk..
        """,
    ),
)
