"""Pixel art of the top-down worlds, at 8 and 16 pixels per sprite, in the format and colours of `art_16px.py`.

Drawn at 8 pixels; the 16 pixel versions are enlarged with smoothed edges. `sprites.py` derives things in other colours from the
yellow ones.
"""

SMALL: tuple[tuple[str, str], ...] = (
    (
        "block cheese wax station",
        """
        qppppppG ........ ........ .kkkkkk.
        pPPPPPPq .....DD. .....kk. kPPPPPPk
        pPPPPPPq ...DDyyD ...kkSSk kPkkkkPk
        pPPPPPPq .DDyyyyD .kkSSSsk kPkcckPk
        pPPPPPPq DYyyAyyD kSSsgssk kPkckkPk
        pPPPPPPq DyAyyyyD kSgssssk kPkcckPk
        pPPPPPPq DyyyyAAD kssssggk kqqqqqqk
        GqqqqqqG .DDDDDD. .kkkkkk. .kkkkkk.
        """,
    ),
    (
        "station_lit lamp skylight line_yellow",
        """
        44kyyk44 444kk444 qqqqqqqq .....DDD
        4kyYYyk4 444kk444 qbbbqbbq ....DYyD
        kYYYYYYk 44kyyk44 qbwbqbbq ...DYyAD
        kYkkkkYk 4kyYYyk4 qwbbqbwq ..DYyAD.
        kYkcckYk kyYYYYyk qqqqqqqq .DYyAD..
        kYkckkYk kkkkkkkk qbbbqbbq DYyAD...
        kyyyyyyk 444ww444 qbbwqwbq DyAD....
        4kkkkkk4 44wwww44 qqqqqqqq DDD.....
        """,
    ),
    (
        "gem_yellow star_yellow key chest",
        """
        ........ ...DD... ........ ........
        .DDDDDD. ..DYyD.. .DDD.... .DDDDDD.
        DYYyyyAD DDDyyDDD DyYyD... DoooooOD
        DyyyyyAD DYyyyyAD Dy.yDDDD DoOOOOOD
        .DyyyAD. .DyyyAD. DyyyyyyD DDDyyDDD
        ..DyAD.. .DyAAyD. .DDDDyAD DBOAAOBD
        ...DD... DyAD.DAD .....DAD DBOOOOBD
        ........ DDD...DD ......D. .DDDDDD.
        """,
    ),
    (
        "chest_open apple shield flowers",
        """
        .DDDDDD. ....kd.. kkk..kkk nNnNrrNn
        DBBBBBBD ...kdnk. kSSkkaak NyyNrrnN
        DkkkkkkD .kkkdkk. kSSssaak yrrynNNn
        DDDDDDDD krrkkrRk kSSssaZk yrryNuuN
        DoooooOD krwrrrRk kSSssaZk NyyNnuun
        DBOOOOBD krrrrrRk .kSsaZk. nNnNyyNN
        DBOOOOBD .krrrRk. ..ksZk.. NuuNyynN
        .DDDDDD. ..kkkk.. ...kk... nuunNNnN
        """,
    ),
    (
        "lawn gate overseer cheese_invisible",
        """
        nnnnnnnn kBkBkBkB ..kkkk.. .zz..zz.
        nNnnnnnn oBoBoBoB .kwwwwk. z......z
        nnnnnnNn oBoBoBoB kwwaawwk z......z
        nnnnnnnn BBBBBBBB kwakkawk ........
        nnnNnnnn oBoBoBoB kwakkawk ........
        nnnnnnnn oBoBoBoB kwwaawwk z......z
        nnnnnnnn BBBBBBBB .kwwwwk. z......z
        nNnnnnNn oBoBoBoB ..kkkk.. .zz..zz.
        """,
    ),
    (
        "station_invisible line_invisible overseer_invisible",
        """
        .zz..zz. .zz..zz. .zz..zz.
        z......z z......z z......z
        z......z z......z z......z
        ...z.... ...zz... ...zz...
        ........ ........ ...z....
        z......z z......z z......z
        z......z z......z z......z
        .zz..zz. .zz..zz. .zz..zz.
        """,
    ),
)

STRIPS: tuple[tuple[str, str], ...] = (
    (
        "block cheese wax station",
        """
        qqppppppppppppGG ................ ................ ..kkkkkkkkkkkk..
        qpppppppppppppGG ................ ................ .kkkkkkkkkkkkkk.
        pppPPPPPPPPPPPqq ...........DD... ...........kk... kkkPPPPPPPPPPkkk
        ppPPPPPPPPPPPPqq .........DDDDDD. .........kkkkkk. kkPPPPPPPPPPPPkk
        ppPPPPPPPPPPPPqq .......DDDDyyDDD .......kkkkSSkkk kkPPPkkkkkkPPPkk
        ppPPPPPPPPPPPPqq .....DDDDyyyyyDD .....kkkkSSSSSkk kkPPkkkkkkkkPPkk
        ppPPPPPPPPPPPPqq ...DDDDyyyyyyyDD ...kkkkSSSSSSskk kkPPkkkccckkPPkk
        ppPPPPPPPPPPPPqq .DDDDyyyyyyyyyDD .kkkkSSSSSSssskk kkPPkkcccckkPPkk
        ppPPPPPPPPPPPPqq DDDYyyyyAAyyyyDD kkkSSSSsggsssskk kkPPkkcckkkkPPkk
        ppPPPPPPPPPPPPqq DDYyyyyyAAyyyyDD kkSSSSssggsssskk kkPPkkcckkkkPPkk
        ppPPPPPPPPPPPPqq DDyyAAyyyyyyyyDD kkSSSgsssssssskk kkPPkkccckkkPPkk
        ppPPPPPPPPPPPPqq DDyyAAyyyyyyyyDD kkSSgssssssssskk kkPPkkcccckkPPkk
        ppPPPPPPPPPPPPqq DDyyyyyyyyyAAADD kksssssssssgggkk kkqqqqqqqqqqqqkk
        ppPPPPPPPPPPPqqq DDDyyyyyyyAAADDD kkksssssssgggkkk kkkqqqqqqqqqqkkk
        GGqqqqqqqqqqqqqG .DDDDDDDDDDDDDD. .kkkkkkkkkkkkkk. .kkkkkkkkkkkkkk.
        GGqqqqqqqqqqqqGG ..DDDDDDDDDDDD.. ..kkkkkkkkkkkk.. ..kkkkkkkkkkkk..
        """,
    ),
    (
        "station_lit lamp skylight line_yellow",
        """
        4444kkyyyykk4444 444444kkkk444444 qqqqqqqqqqqqqqqq ..........DDDDDD
        444kkyyyyyykk444 444444kkkk444444 qqqqqqqqqqqqqqqq .........DDDDDDD
        444kkyyYYyykk444 444444kkkk444444 qqqbbbbqqqqbbqqq .........DDYyDDD
        4kkkyYYYYYYykkk4 44444kkkkkk44444 qqbbbbbbqqbbbbqq .......DDYYyyyDD
        kkkYYYYYYYYYYkkk 44444kkyykk44444 qqbbwwbbqqbbbbqq .......DDYYyyADD
        kkYYYYYYYYYYYYkk 444kkyyyyyykk444 qqbwwwbbqqbbbbqq .....DDYYyyAADDD
        kkYYYkkkkkkYYYkk 444kkyyYYyykk444 qqwbwbbbqqbbbwqq .....DDYYyyAADD.
        kkYYkkkkkkkkYYkk 4kkyyYYYYYYyykk4 qqqwbbbqqqqbwqqq ...DDYYyyAADD...
        kkYYkkkccckkYYkk kkyyyYYYYYYyyykk qqqqqqqqqqqqqqqq ...DDYYyyAADD...
        kkYYkkcccckkYYkk kkyyYYYYYYYYyykk qqqqqqqqqqqqqqqq .DDYYyyAADD.....
        kkYYkkccckkkYYkk kkkkkkkkkkkkkkkk qqqbbbbqqqqbbqqq DDDYYyyAADD.....
        kkYYkkcckkkkYYkk kkkkkkkkkkkkkkkk qqbbbbbbqqbbbbqq DDYyyAADD.......
        kkyyyyyyyyyyyykk 444444wwww444444 qqbbbbbwqqwbbbqq DDyyyAADD.......
        kkkyyyyyyyyyykkk 44444wwwwww44444 qqqbbbwqqqqwbqqq DDDyADD.........
        4kkkkkkkkkkkkkk4 44444wwwwww44444 qqqqqqqqqqqqqqqq DDDDDDD.........
        44kkkkkkkkkkkk44 4444wwwwwwww4444 qqqqqqqqqqqqqqqq DDDDDD..........
        """,
    ),
    (
        "gem_yellow star_yellow key chest",
        """
        ................ ......DDDD...... ................ ................
        ................ .....DDDDDD..... ................ ................
        ...DDDDDDDDDD... .....DDYyDD..... ...DDDD......... ...DDDDDDDDDD...
        .DDDDDDDDDDDDDD. ...DDDYyyyDDD... .DDDDDDDD....... .DDDDDDDDDDDDDD.
        DDDYYYyyyyyyADDD DDDDDDyyyyDDDDDD DDDyYYyDD....... DDDoooooooooODDD
        DDYYYyyyyyyyAADD DDDDDyyyyyyDDDDD DDyyYYyyDDD..... DDoooooooooOOODD
        DDyyyyyyyyyyAADD DDYYyyyyyyyyAADD DDyy..yyDDDDDDDD DDoooOOOOOOOOODD
        DDDyyyyyyyyAADDD DDYYyyyyyyyAAADD DDyy..yyyDDDDDDD DDDoOOOOOOOOODDD
        .DDyyyyyyyyAADD. .DDDyyyyyyAAADD. DDyyyyyyyyyyyDDD DDDDDDyyyyDDDDDD
        ...DDyyyyAADD... ..DDyyyyyAAADD.. DDDyyyyyyyyyyyDD DDDDDDyyyyDDDDDD
        ...DDyyyyAADD... ..DDyyyAAyAyDD.. .DDDDDDDDyyyyADD DDDBOOAAAAOOBDDD
        .....DDyADD..... .DDyyAAAAAyDDDD. ...DDDDDDDDyAADD DDBBOOOAAOOOBBDD
        .....DDDDDD..... DDyyyAAD..DDAADD .........DDDAADD DDBBOOOOOOOOBBDD
        .......DD....... DDyyADD....DAADD ...........DAADD DDDBOOOOOOOOBDDD
        ................ DDDDDDD....DDDDD ...........DDDD. .DDDDDDDDDDDDDD.
        ................ DDDDDD......DDDD ............DD.. ..DDDDDDDDDDDD..
        """,
    ),
    (
        "chest_open apple shield flowers",
        """
        ..DDDDDDDDDDDD.. ........kkdd.... kkkkkk....kkkkkk nnNNnnNNrrrrNNnn
        .DDDDDDDDDDDDDD. .......kkddd.... kkkkkkk..kkkkkkk nNNNnnNNrrrrNnNn
        DDDBBBBBBBBBBDDD .......kkddnk... kkkSSkkkkkkaakkk NNNyyyNNrrrrnnNN
        DDBBBBBBBBBBBBDD .....kkkddnkkk.. kkSSSSkkkkaaaakk NyyyyyyNrrrrnnNN
        DDkkkkkkkkkkkkDD ...kkkkkddkkkk.. kkSSSSssssaaaakk yyyrryyynnNNNnnn
        DDDkkkkkkkkkkDDD .kkkkkkkddkkkkk. kkSSSSssssaaaakk yyrrrryynNNNNNnn
        DDDDDDDDDDDDDDDD kkkrrkkkkkkrRkkk kkSSSSssssaaaZkk yyrrrryyNNNuuNNN
        DDDDDDDDDDDDDDDD kkrrrrrkkrrrRRkk kkSSSSssssaaZZkk yyyrryyNNNuuuuNN
        DDDoooooooooODDD kkrrwwrrrrrrRRkk kkSSSSssssaaZZkk NyyyyyyNNnuuuunn
        DDoooooooooOOODD kkrrwwrrrrrrRRkk kkkSSSsssaaZZkkk NNNyyyNNnnuuuunn
        DDBBOOOOOOOOOBDD kkrrrrrrrrrrRRkk .kkSSSsssaaZZkk. nnNNnnNNyyyyNNNN
        DDBBOOOOOOOOBBDD kkkrrrrrrrrRRkkk ...kkSssaZZkk... nnNNnnNNyyyyNNNN
        DDBBOOOOOOOOBBDD .kkrrrrrrrrRRkk. ...kkkssZZZkk... NNNuuuNNyyyynNNN
        DDDBOOOOOOOOBDDD ...kkrrrrrRkk... .....kksZkk..... NNuuuuNNNyyynnNN
        .DDDDDDDDDDDDDD. ...kkkkkkkkkk... .....kkkkkk..... nnuuuunNNNNNnnNN
        ..DDDDDDDDDDDD.. ....kkkkkkkk.... ......kkkk...... nnuuuunnNNNNnnNN
        """,
    ),
    (
        "lawn gate overseer cheese_invisible",
        """
        nnnnnnnnnnnnnnnn kkBBkkBBkkBBkkBB ....kkkkkkkk.... ..zzzz....zzzz..
        nnnnnnnnnnnnnnnn kkBBkkBBkkBBkkBB ...kkkkkkkkkk... .z.zz......zz.z.
        nnNNnnnnnnnnnnnn ooBBooBBooBBooBB ...kkwwwwwwkk... z.z..........z.z
        nnNNnnnnnnnnnnnn ooBBooBBooBBooBB .kkwwwwwwwwwwkk. zz............zz
        nnnnnnnnnnnnNNnn ooBBooBBooBBooBB kkkwwwwaawwwwkkk zz............zz
        nnnnnnnnnnnnNNnn oBBBooBBooBBooBB kkwwwaaaaaawwwkk z..............z
        nnnnnnnnnnnnnnnn BBBBBBBBBBBBBBBB kkwwwaakkaawwwkk ................
        nnnnnnnnnnnnnnnn BBBBBBBBBBBBBBBB kkwwaakkkkaawwkk ................
        nnnnnnNNnnnnnnnn oBBBooBBooBBooBB kkwwaakkkkaawwkk ................
        nnnnnnNNnnnnnnnn ooBBooBBooBBooBB kkwwwaakkaawwwkk ................
        nnnnnnnnnnnnnnnn ooBBooBBooBBooBB kkwwwaaaaaawwwkk z..............z
        nnnnnnnnnnnnnnnn oBBBooBBooBBooBB kkkwwwwaawwwwkkk zz............zz
        nnnnnnnnnnnnnnnn BBBBBBBBBBBBBBBB .kkwwwwwwwwwwkk. zz............zz
        nnnnnnnnnnnnnnnn BBBBBBBBBBBBBBBB ...kkwwwwwwkk... z.z..........z.z
        nnNNnnnnnnnnNNnn oBBBooBBooBBooBB ...kkkkkkkkkk... .z.zz......zz.z.
        nnNNnnnnnnnnNNnn ooBBooBBooBBooBB ....kkkkkkkk.... ..zzzz....zzzz..
        """,
    ),
    (
        "station_invisible line_invisible overseer_invisible",
        """
        ..zzzz....zzzz.. ..zzzz....zzzz.. ..zzzz....zzzz..
        .z.zz......zz.z. .z.zz......zz.z. .z.zz......zz.z.
        z.z..........z.z z.z..........z.z z.z..........z.z
        zz............zz zz............zz zz............zz
        zz............zz zz............zz zz............zz
        z..............z z..............z z..............z
        ......zz........ ......zzzz...... .......zzz......
        ......zz........ ......zzzz...... ......zzzz......
        ................ ................ ......zzz.......
        ................ ................ ......zz........
        z..............z z..............z z..............z
        zz............zz zz............zz zz............zz
        zz............zz zz............zz zz............zz
        z.z..........z.z z.z..........z.z z.z..........z.z
        .z.zz......zz.z. .z.zz......zz.z. .z.zz......zz.z.
        ..zzzz....zzzz.. ..zzzz....zzzz.. ..zzzz....zzzz..
        """,
    ),
)
