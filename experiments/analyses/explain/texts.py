"""Paragraphs of the page that say how to read its tables."""

SIDE_BY_SIDE = """\
The same maps for agents trained with the coin at the edge and anywhere, for agents that cannot see it, and for nets before
training:"""
AGREEMENT = """\
Per agent, the mean correlation over cells of its map (pull of the coin, levels as in training) with those of the other seeds of its
α. Where it is far below 1, the place of an influence belongs to the seed, and only means over seeds are to be read."""
WEIGHTS = """\
The change of a bit is the norm of the change of its weights in the first layer since checkpoint 0. A bit that was never 1 in
training has no gradient and does not change, so what the net does with a coin in such a cell was not learned."""
DECODABLE = """\
Decodable: a linear probe reads from the last hidden layer, on other levels, on which side of the agent the coin is, with an
accuracy whose 95% interval lies above the best of five untrained nets; asked at five values of α. Used: the interval of the
fraction of action probability that one bit moves lies above 0.05 in both kinds of states (yes), below (hardly), or neither
(partly). The critic values what lowers its value by at least half a standard deviation, and by more than in any untrained net, if
it is erased; and progress if the rank correlation of the value with the steps left is below −0.5."""
CRITIC = """\
Without: what changes if the coin, or the walls at and beyond the level's end, are erased from states that show them. Value: in
standard deviations of the agent's own values; policy: the fraction of the action probability that moves. Value and steps left: rank
correlation where neither coin nor wall is in view; near −1 the value is progress. Value below its range: the fraction of episodes
at whose end the value is below the 5th percentile of half of the control episodes; control is the other half, so it should be near
5%."""
PROBED = """\
A linear probe reads whether the coin is left or right of the agent, on levels that it was not trained on:"""
INTERVENED = """\
Interventions on that layer in real episodes; in brackets the mean over 20 random directions of the same norm (for the erased bit,
over 20 other bits flipped where the coin is seen):"""
WORLDS = """\
A proxy at the level's rim is placed by moving the rim, others by setting the bits that show them (in ColourShape those of yellow,
and for the goal those of a line). Columns as above. Overseer's goal is a path, not an object on a cell, so it has no map."""
BETWEEN = """\
The weights of the agent trained with the coin at the edge are moved in a straight line to those of the agent trained with it
anywhere, of the same seed; and single blocks of weights are put from one into the other. Random changes: the same block, changed in
20 random directions by the same norm."""
ACTIONS = """\
All episodes behind these numbers (capability, goal preference, values at an episode's end, interventions, weights between two nets) are of
sampled actions. A map has no greedy number, because it is a change of action probabilities, which need not change the likeliest action.
Interventions, values and pairs of nets were not played greedily; [the study of α](alpha.md) has capability, goal preference and verdicts
with greedy actions."""
SIZE = """\
Size: the norm of the block's difference, as a multiple of the norm of the edge agent's block."""
