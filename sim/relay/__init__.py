"""The torch relay at full size, by columns: who sends the seed on to whom, the logs of it, and the truth.

The events of `sim.province` are Python objects, some thousands a second. Here nobody moves by himself: `plan` draws all of it as columns,
`lines` spells the lines of every node from them, two million forwards in some minutes. 906,598 people, 2,161,344 forwards that
count, 30 days, 13 cities; as many messages that have nothing to do with it; forwards that nobody fetched, that were sent twice because
the answer was lost, that went to the sender himself.
"""
