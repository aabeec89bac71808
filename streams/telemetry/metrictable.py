"""Every metric there is: name, kind, labels, help. README shows these tables, and tests hold it to them.

Names have base units and Prometheus' suffixes; labels are bounded: no entity, no event, no value.
"""

from __future__ import annotations

Row = tuple[str, tuple[str, ...], str]
Table = dict[str, Row]

DRIFT = ("pipeline", "partition", "signal", "feature", "detector")
WORKER: Table = {
    "driftline_build_info": ("gauge", ("version",), "1, with the version."),
    "driftline_model_info": (
        "gauge",
        ("pipeline", "model", "version", "stage"),
        "1, with the model that scores.",
    ),
    "driftline_events_total": ("counter", ("pipeline", "outcome"), "Events taken, and predicted."),
    "driftline_records_total": ("counter", ("pipeline",), "Records of all topics taken by this process."),
    "driftline_dead_letters_total": ("counter", ("pipeline", "reason"), "Dead letters by reason."),
    "driftline_labels_joined_total": ("counter", ("pipeline", "outcome"), "What happened to labels."),
    "driftline_label_delay_seconds": ("histogram", ("pipeline",), "From an event to its label."),
    "driftline_labels_waiting": (
        "gauge",
        ("pipeline", "partition", "what"),
        "Remembered, early.",
    ),
    "driftline_feature_keys": ("gauge", ("pipeline", "partition", "by"), "Keys that features remember."),
    "driftline_feature_events_total": (
        "counter",
        ("pipeline", "by", "outcome"),
        "Events late or without key; keys that left.",
    ),
    "driftline_model_metric": (
        "gauge",
        ("pipeline", "metric", "window", "segment"),
        "Quality over the labelled events here.",
    ),
    "driftline_feature_values_total": (
        "counter",
        ("pipeline", "feature", "what"),
        "Values taken, missing, new, refused.",
    ),
    "driftline_predictions_total": ("counter", ("pipeline", "prediction"), "Predictions by class."),
    "driftline_scores": ("histogram", ("pipeline",), "Scores, or predicted numbers."),
    "driftline_model_bytes": ("gauge", ("pipeline", "partition"), "The model's size when last looked at."),
    "driftline_model_learning": ("gauge", ("pipeline", "partition"), "0 if it has grown too large to learn."),
    "driftline_model_seconds_total": ("counter", ("pipeline",), "Time of the walk that was the model's."),
    "driftline_slowest_record_seconds": (
        "gauge",
        ("pipeline", "partition"),
        "The slowest, by its stretch.",
    ),
    "driftline_confidence_metric": (
        "gauge",
        ("pipeline", "partition", "metric"),
        "Coverage and calibration.",
    ),
    "driftline_model_compiled": ("gauge", ("pipeline", "partition"), "1 if the model runs compiled."),
    "driftline_drift_ready": ("gauge", DRIFT, "1 once a signal's detector can judge."),
    "driftline_drift_statistic": ("gauge", DRIFT, "How far a signal has come."),
    "driftline_drift_threshold": ("gauge", DRIFT, "How far it is to an alarm."),
    "driftline_drift_distance": (
        "gauge",
        ("pipeline", "partition", "signal", "measure"),
        "How far it is from its reference.",
    ),
    "driftline_drift_detected_total": (
        "counter",
        ("pipeline", "signal", "feature", "detector"),
        "Drifts found.",
    ),
    "driftline_alerts_firing": ("gauge", ("pipeline", "severity"), "Alerts that fire and are not muted."),
    "driftline_alert_transitions_total": (
        "counter",
        ("pipeline", "source", "alertname", "severity", "transition"),
        "Records of alerts.",
    ),
    "driftline_alerts_held_back_total": ("counter", ("pipeline", "source"), "Transitions not told at once."),
    "driftline_alerts_unwritten_total": (
        "counter",
        ("pipeline",),
        "Attempts that failed to write own alerts.",
    ),
    "driftline_silences": ("gauge", ("pipeline", "partition"), "Silences that are not over."),
    "driftline_storage_used_ratio": ("gauge", ("pipeline",), "How full an embedded log's place is."),
    "driftline_series_remembered": ("gauge", ("pipeline", "partition"), "Series that are remembered."),
    "driftline_forecast_series_total": (
        "counter",
        ("pipeline", "outcome"),
        "Series that left, or began anew.",
    ),
    "driftline_batches_total": ("counter", ("pipeline",), "Batches walked."),
    "driftline_batch_seconds": ("histogram", ("pipeline",), "What a batch took to walk."),
    "driftline_latency_seconds": ("histogram", ("pipeline",), "From an event's record to its prediction."),
    "driftline_commits_total": ("counter", ("pipeline",), "Commits."),
    "driftline_commit_seconds_total": ("counter", ("pipeline",), "Time spent committing."),
    "driftline_recoveries_total": ("counter", ("pipeline",), "Recoveries from snapshot and journal."),
    "driftline_refusals_total": ("counter", ("pipeline",), "Shards opened anew after an error."),
    "driftline_feature_cache_total": (
        "counter",
        ("pipeline", "outcome"),
        "Written, dropped; found, missing, refused; failed, skipped.",
    ),
    "driftline_feature_cache_seconds": ("histogram", ("pipeline",), "The cache's round trips."),
    "driftline_feature_cache_open": ("gauge", ("pipeline",), "1 while the cache is left alone."),
    "driftline_feature_cache_age_seconds": ("gauge", ("pipeline",), "Age of an event when it was written."),
    "driftline_event_lag_seconds": ("gauge", ("pipeline", "partition"), "Now less the newest record taken."),
    "driftline_consumer_lag_records": ("gauge", ("pipeline", "topic", "partition"), "Records not yet taken."),
    "driftline_commit_age_seconds": ("gauge", ("pipeline", "partition"), "Since the last commit."),
    "driftline_snapshot_age_seconds": ("gauge", ("pipeline", "partition"), "Since the last snapshot."),
    "driftline_records_gone_total": (
        "counter",
        ("pipeline",),
        "Input records deleted untaken.",
    ),
    "driftline_retention_short_topics": (
        "gauge",
        ("pipeline", "partition"),
        "Topics too short for a replay.",
    ),
    "driftline_ready": ("gauge", ("pipeline",), "1 if every shard here is ready, or this is a standby."),
}

NOTIFY: Table = {
    "driftline_notifications_total": (
        "counter",
        ("pipeline", "receiver", "outcome"),
        "Messages sent, failed, dead, muted.",
    ),
    "driftline_notification_seconds": (
        "histogram",
        ("pipeline", "receiver"),
        "From an alert's record to the receiver's answer.",
    ),
    "driftline_notifications_waiting": ("gauge", ("pipeline", "receiver"), "Messages that wait to be sent."),
}
"""What `driftline notify` tells of itself."""

SERVE: Table = {
    "driftline_serve_requests_total": ("counter", ("pipeline", "route", "status"), "Requests answered."),
    "driftline_serve_request_seconds": ("histogram", ("pipeline", "route"), "From request to answer."),
    "driftline_serve_state": ("gauge", ("pipeline", "what"), "What else this process knows of itself."),
}
"""What `driftline serve` tells of itself."""
