// The table itself. One row a family, in the order a record passes the stages.
#include "api/metrics/metric_table.h"

namespace millrace::api {
namespace {

using enum MetricType;
using Running = MetricsSource::Running;

template <typename T>
double Real(T number) {
  return static_cast<double>(number);
}

// One sample of the process.
template <auto kField>
void OfProcess(const MetricsSource& source, Samples& samples) {
  samples.Add({}, Real(source.process.*kField));
}

// One sample of the running pipeline.
template <auto kValue>
void OfRunning(const MetricsSource& source, Samples& samples) {
  if (source.running) samples.Add({}, kValue(*source.running));
}

template <auto kValue>
void ByTopic(const MetricsSource& source, Samples& samples) {
  if (!source.running) return;
  for (const TopicState& topic : source.running->topics)
    samples.Add({topic.name}, Real(topic.*kValue));
}

template <auto kValue>
void ByQuery(const MetricsSource& source, Samples& samples) {
  if (!source.running) return;
  for (const pipeline::QueryStatus& query : source.running->snapshot.queries)
    samples.Add({query.name}, kValue(query));
}

template <auto kField>
void OfQueryMetrics(const MetricsSource& source, Samples& samples) {
  if (!source.running) return;
  for (const pipeline::QueryStatus& query : source.running->snapshot.queries) {
    if constexpr (requires { (query.metrics.*kField).counts; })
      samples.Add({query.name}, query.metrics.*kField);
    else
      samples.Add({query.name}, Real(query.metrics.*kField));
  }
}

template <auto kField>
void ByPartition(const MetricsSource& source, Samples& samples) {
  if (!source.running) return;
  for (const pipeline::QueryStatus& query : source.running->snapshot.queries) {
    for (const engine::PartitionMetrics& partition : query.metrics.partitions) {
      const std::string number = std::to_string(partition.at.partition.value);
      samples.Add({query.name, partition.at.topic, number}, Real(partition.*kField));
    }
  }
}

template <auto kValue>
void ByDag(const MetricsSource& source, Samples& samples) {
  if (!source.running) return;
  for (const schedule::DagInfo& dag : source.running->snapshot.dags)
    samples.Add({dag.record.dag_id}, kValue(dag));
}

void QueryWatermarks(const MetricsSource& source, Samples& samples) {
  if (!source.running) return;
  for (const pipeline::QueryStatus& query : source.running->snapshot.queries) {
    if (query.metrics.watermark_us == flow::Position::kNoWatermark) continue;
    samples.Add({query.name}, Real(query.metrics.watermark_us) / 1e6);
  }
}

void DagNextDue(const MetricsSource& source, Samples& samples) {
  if (!source.running) return;
  for (const schedule::DagInfo& dag : source.running->snapshot.dags) {
    if (dag.next_due) samples.Add({dag.record.dag_id}, Real(dag.next_due->value) / 1e6);
  }
}

void DiskFree(const MetricsSource& source, Samples& samples) {
  if (source.running && source.running->disk_free_bytes)
    samples.Add({}, Real(*source.running->disk_free_bytes));
}

void LogSyncs(const MetricsSource& source, Samples& samples) {
  if (source.running) samples.Add({}, source.running->log.sync_seconds);
}

using io::ProcessUsage;
using Metrics = engine::QueryMetrics;
using Partition = engine::PartitionMetrics;

constexpr MetricFamily kFamilies[] = {
    {"process_resident_memory_bytes", kGauge, "bytes", "", "Resident memory.",
     OfProcess<&ProcessUsage::resident_bytes>},
    {"process_virtual_memory_bytes", kGauge, "bytes", "", "Virtual memory.",
     OfProcess<&ProcessUsage::virtual_bytes>},
    {"process_cpu_seconds_total", kCounter, "seconds", "", "User and system time.",
     OfProcess<&ProcessUsage::cpu_seconds>},
    {"process_open_fds", kGauge, "files", "", "Open file descriptors.",
     OfProcess<&ProcessUsage::open_files>},
    {"process_max_fds", kGauge, "files", "", "File descriptors that may be open.",
     OfProcess<&ProcessUsage::open_files_max>},
    {"process_threads", kGauge, "threads", "", "Threads.", OfProcess<&ProcessUsage::threads>},
    {"process_start_time_seconds", kGauge, "seconds", "", "Start of the process, since 1970.",
     OfProcess<&ProcessUsage::start_time_seconds>},

    {"millrace_extracted_records_total", kCounter, "records", "",
     "Records committed by http tasks.",
     OfRunning<[](const Running& r) { return Real(r.snapshot.extracted_records); }>},
    {"millrace_extract_limits_reached_total", kCounter, "tries", "",
     "Tries of http tasks that stopped at limits and left the rest unread.",
     OfRunning<[](const Running& r) { return Real(r.snapshot.limits_reached); }>},
    {"millrace_extracted_pages_total", kCounter, "pages", "", "Pages committed by http tasks.",
     OfRunning<[](const Running& r) { return Real(r.snapshot.extracted_pages); }>},

    {"millrace_schedule_runs_started_total", kCounter, "runs", "", "Runs started.",
     OfRunning<[](const Running& r) { return Real(r.snapshot.schedule.runs_started); }>},
    {"millrace_schedule_runs_succeeded_total", kCounter, "runs", "", "Runs that succeeded.",
     OfRunning<[](const Running& r) { return Real(r.snapshot.schedule.runs_succeeded); }>},
    {"millrace_schedule_runs_failed_total", kCounter, "runs", "", "Runs that failed.",
     OfRunning<[](const Running& r) { return Real(r.snapshot.schedule.runs_failed); }>},
    {"millrace_schedule_tries_started_total", kCounter, "tries", "", "Tries started.",
     OfRunning<[](const Running& r) { return Real(r.snapshot.schedule.tries_started); }>},
    {"millrace_schedule_tries_failed_total", kCounter, "tries", "", "Tries that failed.",
     OfRunning<[](const Running& r) { return Real(r.snapshot.schedule.tries_failed); }>},
    {"millrace_schedule_tries_interrupted_total", kCounter, "tries", "",
     "Tries that died with the process.",
     OfRunning<[](const Running& r) { return Real(r.snapshot.schedule.tries_interrupted); }>},
    {"millrace_schedule_due_skipped_total", kCounter, "due times", "",
     "Due times skipped or dropped.",
     OfRunning<[](const Running& r) { return Real(r.snapshot.schedule.due_skipped); }>},
    {"millrace_dag_paused", kGauge, "", "dag", "1 while the timetable stands still.",
     ByDag<[](const schedule::DagInfo& dag) { return dag.record.paused ? 1.0 : 0.0; }>},
    {"millrace_dag_active_runs", kGauge, "runs", "dag", "Runs under way.",
     ByDag<[](const schedule::DagInfo& dag) { return Real(dag.active_runs); }>},
    {"millrace_dag_queued_runs", kGauge, "runs", "dag", "Runs that wait for room.",
     ByDag<[](const schedule::DagInfo& dag) { return Real(dag.queued_runs); }>},
    {"millrace_dag_missed_due_times", kGauge, "due times", "dag",
     "Due times since the last one handled, counted up to 1,000.",
     ByDag<[](const schedule::DagInfo& dag) { return Real(dag.missed_count); }>},
    {"millrace_dag_next_due_timestamp_seconds", kGauge, "seconds", "dag",
     "Next due time, since 1970; absent when only started by hand.", DagNextDue},

    {"millrace_log_bytes", kGauge, "bytes", "", "Bytes of the log on disk.",
     OfRunning<[](const Running& r) { return Real(r.snapshot.log_bytes); }>},
    {"millrace_log_appended_bytes_total", kCounter, "bytes", "",
     "Bytes of batches appended, compressed as stored.",
     OfRunning<[](const Running& r) { return Real(r.log.appended_bytes); }>},
    {"millrace_log_sync_seconds", kHistogram, "seconds", "",
     "Time of one fsync of a segment file; group commit shares it.", LogSyncs},
    {"millrace_log_damaged_partitions", kGauge, "partitions", "",
     "Partitions closed because of damage.",
     OfRunning<[](const Running& r) { return Real(r.damaged_partitions); }>},
    {"millrace_log_lost_ranges", kGauge, "ranges", "",
     "Ranges of offsets that went before they were read, or were given up.",
     OfRunning<[](const Running& r) { return Real(r.lost_ranges); }>},
    {"millrace_topic_appended_offsets_total", kCounter, "offsets", "topic",
     "Offsets given out since the topic was made: records, and one for each commit marker.",
     ByTopic<&TopicState::appended_offsets>},
    {"millrace_topic_readable_offsets", kGauge, "offsets", "topic",
     "Offsets that can be read: at least the records.", ByTopic<&TopicState::readable_offsets>},
    {"millrace_disk_free_bytes", kGauge, "bytes", "",
     "Bytes that may still be written on the disk of the data folder.", DiskFree},

    {"millrace_query_up", kGauge, "", "query", "1 while the query runs.",
     ByQuery<[](const pipeline::QueryStatus& query) { return query.running ? 1.0 : 0.0; }>},
    {"millrace_query_records_in_total", kCounter, "records", "query",
     "Records of committed epochs.", OfQueryMetrics<&Metrics::records_in>},
    {"millrace_query_source_bytes_total", kCounter, "bytes", "query",
     "Bytes of keys and values of those records.", OfQueryMetrics<&Metrics::bytes_in>},
    {"millrace_query_rows_out_total", kCounter, "rows", "query",
     "Rows of the result, before fan-out to tables.", OfQueryMetrics<&Metrics::rows_out>},
    {"millrace_query_rejected_total", kCounter, "records", "query",
     "Records refused to the dead letters, late ones not counted.",
     OfQueryMetrics<&Metrics::rejected>},
    {"millrace_query_late_total", kCounter, "records", "query", "Late records.",
     OfQueryMetrics<&Metrics::late>},
    {"millrace_query_skipped_total", kCounter, "records", "query",
     "Replayed records that were meant for other queries.", OfQueryMetrics<&Metrics::skipped>},
    {"millrace_query_epochs_total", kCounter, "epochs", "query", "Epochs committed.",
     OfQueryMetrics<&Metrics::epochs>},
    {"millrace_query_state_entries", kGauge, "entries", "query", "Entries of window state.",
     OfQueryMetrics<&Metrics::state_entries>},
    {"millrace_query_busy_ratio", kGauge, "ratio", "query",
     "Share of time with an epoch under way, over the last seconds.",
     OfQueryMetrics<&Metrics::busy_ratio>},
    {"millrace_query_watermark_timestamp_seconds", kGauge, "seconds", "query",
     "Event-time watermark, since 1970; absent before the first event time.", QueryWatermarks},
    {"millrace_query_epoch_seconds", kHistogram, "seconds", "query",
     "Time of an epoch, from its cut to the store's commit.",
     OfQueryMetrics<&Metrics::epoch_seconds>},
    {"millrace_query_commit_seconds", kHistogram, "seconds", "query",
     "The part of an epoch's time that its commit took.", OfQueryMetrics<&Metrics::commit_seconds>},
    {"millrace_query_append_to_row_seconds", kHistogram, "seconds", "query",
     "From a record's append to the log until its rows can be read, by record.",
     OfQueryMetrics<&Metrics::append_to_row_seconds>},
    {"millrace_query_lag_records", kGauge, "records", "query|topic|partition",
     "Readable records not yet in the tables.", ByPartition<&Partition::lag_records>},
    {"millrace_query_lag_seconds", kGauge, "seconds", "query|topic|partition",
     "How long the partition has lagged behind; 0 when caught up.",
     ByPartition<&Partition::lag_seconds>},

    {"millrace_store_memtable_bytes", kGauge, "bytes", "", "Memory of rows not yet flushed.",
     OfRunning<[](const Running& r) { return Real(r.store.memtable_bytes); }>},
    {"millrace_store_block_cache_bytes", kGauge, "bytes", "", "Memory of cached blocks.",
     OfRunning<[](const Running& r) { return Real(r.store.block_cache_bytes); }>},
    {"millrace_store_file_bytes", kGauge, "bytes", "", "Bytes of the tables' files.",
     OfRunning<[](const Running& r) { return Real(r.store.file_bytes); }>},
    {"millrace_store_unflushed_source_bytes", kGauge, "bytes", "",
     "Source bytes a crash would make it read again.",
     OfRunning<[](const Running& r) { return Real(r.store.unflushed_source_bytes); }>},
    {"millrace_store_pending_compaction_bytes", kGauge, "bytes", "",
     "Bytes that compaction has still to rewrite, estimated.",
     OfRunning<[](const Running& r) { return Real(r.store.pending_compaction_bytes); }>},
};

// A topic that cannot be asked for is left out: a page with what there is beats none.
std::vector<TopicState> TopicsOf(connect::Topics& topics) {
  std::vector<TopicState> states;
  const auto specs = topics.List();
  for (size_t i = 0; specs && i < specs->size(); ++i) {
    const log::TopicSpec& spec = (*specs)[i];
    TopicState& state = states.emplace_back();
    state.name = spec.name;
    for (int32_t p = 0; p < spec.partitions; ++p) {
      const auto offsets = topics.Offsets(spec.name, PartitionId(p));
      if (!offsets) continue;
      state.appended_offsets += offsets->end.value;
      state.readable_offsets += offsets->last_stable - offsets->start;
    }
  }
  return states;
}

}  // namespace

MetricsSource MetricsSource::Of(pipeline::Runner* runner) {
  MetricsSource source;
  source.process = io::ReadProcessUsage();
  if (runner == nullptr) return source;
  pipeline::Workspace& workspace = runner->workspace();
  Running& running = source.running.emplace();
  running.snapshot = runner->Snapshot();
  running.log = workspace.log().Metrics();
  running.store = workspace.store().Metrics();
  running.topics = TopicsOf(workspace.topics());
  running.damaged_partitions = static_cast<int64_t>(workspace.log().DamagedPartitions().size());
  running.lost_ranges = static_cast<int64_t>(workspace.log().LostRanges().size());
  if (const auto free = workspace.fs().FreeBytes(workspace.project().data_folder))
    running.disk_free_bytes = *free;
  return source;
}

std::string_view Name(MetricType type) {
  return type == kCounter ? "counter" : type == kGauge ? "gauge" : "histogram";
}

std::span<const MetricFamily> AllMetrics() { return kFamilies; }

}  // namespace millrace::api
