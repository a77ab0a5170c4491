"""What `/metrics` shows. One place, so that docs/operating.md can name every one of them."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

# A second series for each counter and histogram, which nothing here needs.
disable_created_metrics()  # type: ignore[no-untyped-call]

ACTIVE_CALLS = Gauge("offhook_active_calls", "Calls with an open media stream.", multiprocess_mode="livesum")
CALLS_ENDED = Counter("offhook_calls_ended", "Calls that are over, by what ended them.", ["reason"])

FRAMES_IN = Counter("offhook_frames_received", "Media messages received from callers.")
AUDIO_BYTES_OUT = Counter("offhook_audio_sent_bytes", "Bytes of μ-law audio sent to callers.")
CHUNKS_DROPPED = Counter(
    "offhook_audio_chunks_dropped", "Oldest audio chunks dropped from full buffers of recent audio."
)
PROTOCOL_ERRORS = Counter(
    "offhook_protocol_errors", "Messages from callers that were skipped or refused, by name.", ["error"]
)

REFUSED = Counter(
    "offhook_refused", "Requests, upgrades, streams and sockets that were refused or cut off.", ["reason"]
)

STAGE_SECONDS = Histogram(
    "offhook_stage_seconds",
    "Latency of each stage of a turn, from the end of the caller's voice.",
    ["stage"],
    buckets=(0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0),
)
INTERRUPTIONS = Counter("offhook_interruptions", "Times a caller spoke over the assistant and stopped it.")
FALSE_ALARMS = Counter(
    "offhook_false_alarms", "Times the assistant stopped for what was no interruption, and went on."
)

SILENCES = Counter("offhook_silences", "Times a caller who waited for us heard nothing for two seconds.")

WORKER_RESTARTS = Counter("offhook_worker_restarts", "Speech worker processes that died.", ["worker"])
INTERIMS_SHED = Counter("offhook_interims_shed", "Interim decodes dropped because recognition fell behind.")

TASKS = Gauge(
    "offhook_tasks", "Things the process that answers does at once.", multiprocess_mode="mostrecent"
)

STORE_PENDING = Gauge(
    "offhook_store_pending", "Writes that wait for the database.", multiprocess_mode="livesum"
)
STORE_FLUSH_SECONDS = Histogram("offhook_store_flush_seconds", "Time one batch of writes took.")
STORE_ERRORS = Counter("offhook_store_errors", "Batches of writes that failed and were tried again.")
STORE_LOST = Counter(
    "offhook_store_lost", "Writes that are lost: refused by the database, or no room for them."
)
SPOOL_BYTES = Gauge(
    "offhook_spool_bytes",
    "Writes on disk because the database does not take them.",
    multiprocess_mode="livesum",
)
SPOOL_ERRORS = Counter(
    "offhook_spool_errors", "Times that writes could not be put on disk, and wait in memory."
)
ADOPTED = Counter("offhook_spool_adopted", "Writes of dead processes that were brought into the database.")
ERASED = Counter("offhook_calls_erased", "Calls that were erased because of their age.")

JOBS_DONE = Counter("offhook_jobs", "Jobs run after calls, by outcome.", ["outcome"])

PROVIDER_FAILURES = Counter(
    "offhook_provider_failures", "Times a provider failed a call, by what it did.", ["provider", "fault"]
)
PROVIDER_SWITCHES = Counter(
    "offhook_provider_switches", "Times a call went on with the next provider.", ["service", "to"]
)
