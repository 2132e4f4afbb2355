"""The first places of a ranking without planning every model: best-first search with upper bounds (branch and bound).

What is asked: of 170 models, each in about ten formats and two or three engines, the best plan of each, and of those the first few. Planning one plan
takes a millisecond or ten, and a person, or a fleet of a thousand machines, waits. So few are planned.

What is bounded. A plan's points are quality, speed, and terms that only take points. `upper_bound` gives the most points of a model on any machine
(no format lost, no wait at all), and of a format on some devices: the quality that the format leaves, at the speed that reading its bytes at the
devices' bandwidth allows (`speed_bound`; a share of a model takes no less than that share of its time), less what it costs for certain.
`candidates` holds what does not depend on the machine, `bounds` a format on some devices with its bound, `best_first` the search.

Why it is exact. Models wait in a heap by their bound. The best is looked at more closely: first its formats' bounds take the place of its own, then
the format of the highest bound is planned. A model leaves the heap when no bound of it is above its best plan. The search ends when no bound that is
left is above the last place, and no model that is left could outdo one of the first (`dominance`: better, no larger, no slower). A bound is never
below the plan that it stands for, so nothing that is left unplanned could have changed a place.

How it is tested. tests/recommending/test_search.py plans everything, one after the other, and compares places, points, words and counts, on thirteen
boxes and requests; no bound lies below a plan made of it; a box seen after others with the same GPU is answered as if it were the first.
"""
