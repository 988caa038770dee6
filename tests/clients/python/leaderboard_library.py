"""The PyPI library `leaderboard`, unmodified."""

import os

from leaderboard.leaderboard import Leaderboard
from leaderboard.tie_ranking_leaderboard import TieRankingLeaderboard
from redis import Redis

connection = Redis(port=int(os.environ["SERVER_PORT"]), password=os.environ["SERVER_PASSWORD"])
board = Leaderboard("highscores", redis_connection=connection)
for index in range(1, 101):
    board.rank_member(f"member_{index}", index * 10, f"data {index}")
assert board.total_members() == 100 and board.total_pages() == 4
assert board.rank_for("member_100") == 1 and board.score_for("member_7") == 70.0
leaders = board.leaders(1)
assert len(leaders) == 25 and leaders[0]["rank"] == 1, leaders[0]
around = board.around_me("member_50")
assert len(around) == 25 and any(row["member"] in ("member_50", b"member_50") for row in around)
assert board.change_score_for("member_1", 5000) is not False
assert board.rank_for("member_1") == 1
ranked = board.ranked_in_list(["member_1", "member_2", "nobody"])
assert [row["rank"] for row in ranked] == [1, 100, None], ranked
board.remove_members_outside_rank(10)
assert board.total_members() == 10
board.delete_leaderboard()

ties = TieRankingLeaderboard("ties", redis_connection=connection)
for member, score in [("a", 3), ("b", 2), ("c", 2), ("d", 1)]:
    ties.rank_member(member, score)
assert [ties.rank_for(member) for member in "abcd"] == [1, 2, 2, 3]
