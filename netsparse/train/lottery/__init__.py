"""Lottery tickets: train, cut the smallest weights, rewind, again."""

from netsparse.train.lottery.folder import read_tickets
from netsparse.train.lottery.result import LotteryResult, Ticket
from netsparse.train.lottery.tickets import PUBLISHED_ATTACKS, lottery_tickets

__all__ = ["PUBLISHED_ATTACKS", "LotteryResult", "Ticket", "lottery_tickets", "read_tickets"]
