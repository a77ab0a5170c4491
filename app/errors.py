"""Errors that speak to a person: what is wrong, where, and what to do about it."""


class OffhookError(Exception):
    """Something a person can act on. The message is shown as it is, without a traceback."""


class SettingError(OffhookError):
    """A setting is wrong, or what it points at is not there. The command ends with exit status 2.

    `setting` is the environment variable's name, `problem` what is wrong with it,
    `remedy` what to do.
    """

    def __init__(self, setting: str, problem: str, remedy: str) -> None:
        self.setting = setting
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{setting}: {problem} {remedy}")
