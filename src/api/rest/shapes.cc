// The table of shapes. One array of members a shape.
#include "api/rest/schema.h"

namespace millrace::api::rest {
namespace {

constexpr Member kProblem[] = {
    {"type", "string", "URN of the kind of problem."},
    {"title", "string"},
    {"status", "integer"},
    {"detail", "string", "What happened and where."},
    {"code", "string", "Stable name of the kind of failure."},
    {"hint", "string", "What to do about it.", true},
    {"errors", "[]ParameterError", "What is wrong with the request.", true}};
constexpr Member kParameterError[] = {
    {"in", "string", "", false, "path|query|header|body"},
    {"name", "string", "Parameter, header, or place in the body."},
    {"detail", "string"}};

constexpr Member kPipeline[] = {{"name", "string"},
                                {"description", "string"},
                                {"project_file", "string"},
                                {"draining", "boolean", "True while it stops."},
                                {"roles", "[]PipelineRole"},
                                {"dags", "integer"},
                                {"topics", "integer"},
                                {"queries", "integer"},
                                {"tables", "integer"},
                                {"extracted_records", "integer", "By http tasks, since the start."},
                                {"log_bytes", "integer"}};
constexpr Member kPipelineRole[] = {
    {"role", "string", "", false, "extract|schedule|log|queries|tables"},
    {"by", "string", "Who does it.", false, "embedded|kafka|cassandra"},
    {"state", "string", "", false, "ok|off|failed"},
    {"detail", "string"}};
constexpr Member kSetting[] = {
    {"path", "string", "Place in the project file."},
    {"value", "?string", "As written, ${VAR} not replaced; null when it may hold a secret."},
    {"origin", "string", "`environment`: the value names variables.", false,
     "file|environment|default"},
    {"line", "?integer"},
    {"column", "?integer"}};
constexpr Member kDiagnostics[] = {
    {"at", "time"},
    {"process", "ProcessState"},
    {"disk_free_bytes", "?integer"},
    {"log_bytes", "integer"},
    {"log_budget_bytes", "?integer"},
    {"damaged_partitions", "[]Damage"},
    {"lost_ranges", "[]LostRange", "Records that went before they were read."},
    {"failed_queries", "[]FailedQuery"}};
constexpr Member kProcessState[] = {{"resident_bytes", "integer"},
                                    {"cpu_seconds", "number", "User and system time."},
                                    {"threads", "integer"},
                                    {"open_files", "integer"}};
constexpr Member kDamage[] = {{"topic", "string"}, {"partition", "integer"}, {"error", "string"}};
constexpr Member kLostRange[] = {{"topic", "string"},
                                 {"partition", "integer"},
                                 {"begin", "integer"},
                                 {"end", "integer"},
                                 {"reason", "string"}};
constexpr Member kFailedQuery[] = {{"query", "string"}, {"failure", "string"}};
constexpr Member kLive[] = {{"at", "time"},
                            {"extracted_records", "integer"},
                            {"log_bytes", "integer"},
                            {"queries", "[]Query"},
                            {"dags", "[]Dag"}};

constexpr Member kDag[] = {
    {"dag", "string"},
    {"paused", "boolean"},
    {"next_due", "?time", "Also while paused; null: only by hand."},
    {"missed_count", "integer", "Due times since the last one handled, counted up to 1,000."},
    {"skipped_count", "integer", "Due times skipped or dropped, ever."},
    {"active_runs", "integer"},
    {"queued_runs", "integer"}};
constexpr Member kDagDetail[] = {{"summary", "Dag"},      {"schedule", "string"},
                                 {"time_zone", "string"}, {"max_active_runs", "integer"},
                                 {"tasks", "[]Task"},     {"next_due", "[]time", "The next ten."}};
constexpr Member kTask[] = {{"task", "string"},     {"kind", "string"}, {"upstream", "[]string"},
                            {"retries", "integer"}, {"pool", "string"}, {"pool_slots", "integer"},
                            {"priority", "integer"}};
constexpr Member kDagChange[] = {{"paused", "boolean"}};
constexpr Member kRun[] = {
    {"dag", "string"},
    {"run", "string"},
    {"type", "string", "", false, "scheduled|manual|backfill"},
    {"state", "string", "", false, "queued|running|success|failed"},
    {"logical_date", "time"},
    {"data_interval_start", "time"},
    {"data_interval_end", "time"},
    {"queued_at", "time"},
    {"started_at", "?time"},
    {"ended_at", "?time"},
    {"conf", "object"},
    {"backfill", "?integer"},
    {"stop_reason", "string", "Why it was ended early; empty when it was not."},
    {"warning", "string", "What a task of it warned of; empty when none did."}};
constexpr Member kRunPage[] = {{"items", "[]Run"},
                               {"next_cursor", "?string"},
                               {"total", "integer", "Runs that match, over all pages."}};
constexpr Member kRunDetail[] = {{"summary", "Run"}, {"tasks", "[]TaskInstance"}};
constexpr Member kTaskInstance[] = {{"task", "string"},
                                    {"state", "string"},
                                    {"try_number", "integer", "Tries so far."},
                                    {"failures", "integer", "Failed tries of this generation."},
                                    {"generation", "integer"},
                                    {"started_at", "?time"},
                                    {"ended_at", "?time"},
                                    {"retry_at", "?time"}};
constexpr Member kRunTrigger[] = {
    {"conf", "object", "Parameters for the run, at most 64 KiB.", true},
    {"run", "string", "Its id; given by its logical date when left out.", true, {}, 1, 250},
    {"logical_date", "time", "Now when left out.", true}};
constexpr Member kRunClear[] = {
    {"tasks", "[]string", "All when left out.", true},
    {"downstream", "boolean", "Also every task after them (default true).", true},
    {"only_failed", "boolean", "Of these, only those that failed (default false).", true}};
constexpr Member kCleared[] = {{"task_instances", "integer"}};
constexpr Member kTry[] = {
    {"task", "string"},        {"try_number", "integer"},
    {"generation", "integer"}, {"state", "string", "", false, "running|success|failed|skipped"},
    {"started_at", "time"},    {"ended_at", "?time"},
    {"error", "string"}};
constexpr Member kLogPage[] = {
    {"items", "[]LogLine"},
    {"next_from", "integer", "Pass as `from` to read on, also when there are no more lines yet."},
    {"running", "boolean", "More lines may come."}};
constexpr Member kLogLine[] = {{"number", "integer"},
                               {"at", "time"},
                               {"level", "string", "", false, "debug|info|warning|error"},
                               {"text", "string"}};
constexpr Member kBackfill[] = {{"backfill", "integer"},
                                {"dag", "string"},
                                {"from", "time"},
                                {"to", "time"},
                                {"cursor", "time", "The last due time that was handled."},
                                {"parallelism", "integer"},
                                {"reprocess", "string", "", false, "none|failed|all"},
                                {"conf", "object"},
                                {"state", "string", "", false, "running|done|cancelled"},
                                {"started_count", "integer"},
                                {"created_at", "time"}};
constexpr Member kBackfillRange[] = {
    {"from", "time", "First due time, inclusive."},
    {"to", "time", "Last due time, inclusive; at most now."},
    {"parallelism", "integer", "Runs at the same time (default 1).", true, {}, 1, 100},
    {"reprocess", "string", "Dates with a run already (default none).", true, "none|failed|all"},
    {"conf", "object", "Parameters for its runs.", true}};
constexpr Member kBackfillStart[] = {
    {"from", "time", "First due time, inclusive."},
    {"to", "time", "Last due time, inclusive; at most now."},
    {"parallelism", "integer", "Runs at the same time (default 1).", true, {}, 1, 100},
    {"reprocess", "string", "Dates with a run already (default none).", true, "none|failed|all"},
    {"conf", "object", "Parameters for its runs.", true},
    {"run_count",
     "integer",
     "As its plan counted; 409 when it is another now.",
     false,
     {},
     0,
     100000}};
constexpr Member kBackfillPlan[] = {{"due_count", "integer", "Logical dates in the range."},
                                    {"existing_count", "integer", "Of these, with a run."},
                                    {"run_count", "integer", "Runs it would start."},
                                    {"first_dates", "[]time", "The first ten."}};
constexpr Member kPool[] = {{"pool", "string"},
                            {"slots", "integer"},
                            {"used_slots", "integer"},
                            {"waiting", "integer", "Task instances."}};

constexpr Member kTopic[] = {
    {"topic", "string"},
    {"description", "string"},
    {"internal", "boolean"},
    {"partitions", "integer"},
    {"offsets", "integer", "Readable offsets over all partitions: at least the records."},
    {"cleanup", "string", "", false, "delete|compact"},
    {"retention_ms", "?integer"},
    {"retention_bytes", "?integer"},
    {"read_by", "[]string", "Queries that read it."},
    {"written_by", "[]string", "Queries and tasks that write it."}};
constexpr Member kPartition[] = {
    {"partition", "integer"},
    {"start", "?integer", "First readable offset; null when the partition is damaged."},
    {"last_stable", "?integer", "Behind the last readable record."},
    {"high_watermark", "?integer", "Behind the last record on stable storage."},
    {"end", "?integer", "The next append's offset."},
    {"error", "?string"}};
constexpr Member kMessage[] = {
    {"partition", "integer"},
    {"offset", "integer"},
    {"timestamp", "time"},
    {"key", "?string"},
    {"key_encoding", "?string", "", false, "json|text|base64"},
    {"value", "?string", "Null: a tombstone."},
    {"value_encoding", "?string", "json: the text is one JSON document; base64: it is no UTF-8.",
     false, "json|text|base64"},
    {"headers", "[]MessageHeader"}};
constexpr Member kMessageHeader[] = {{"name", "string"},
                                     {"value", "string"},
                                     {"value_encoding", "string", "", false, "json|text|base64"}};
constexpr Member kMessagePage[] = {
    {"items", "[]Message"},
    {"next_cursor", "?string", "Also set when scan_max ended the page early."},
    {"scanned", "integer", "Records looked at for this page."}};

constexpr Member kQuery[] = {
    {"query", "string"},
    {"running", "boolean"},
    {"failure", "?string", "Why it stopped."},
    {"records_in", "integer", "Of committed epochs, since the start; so are the next seven."},
    {"bytes_in", "integer"},
    {"rows_out", "integer", "Before fan-out to tables."},
    {"rejected", "integer", "Dead letters without late ones."},
    {"skipped", "integer", "Replayed records that were meant for other queries."},
    {"late", "integer"},
    {"epochs", "integer"},
    {"epoch", "integer", "Newest committed."},
    {"watermark", "?time"},
    {"state_entries", "integer"},
    {"busy_ratio", "number", "Share of time with an epoch under way, over the last seconds."},
    {"epoch_seconds_p50", "number"},
    {"epoch_seconds_p99", "number"},
    {"commit_seconds_p50", "number"},
    {"lag_records", "integer", "Over all partitions."},
    {"lag_seconds", "number", "Of the worst partition."},
    {"records_in_per_second", "?number", "Null before there are two samples."},
    {"rows_out_per_second", "?number"}};
constexpr Member kQueryDetail[] = {
    {"summary", "Query"},       {"sql", "string"},
    {"plan", "string"},         {"sources", "[]string", "Topics it reads."},
    {"tables", "[]string"},     {"topic", "?string", "Sink topic."},
    {"dead_letters", "string"}, {"late", "?string"},
    {"expect", "[]Expectation"}};
constexpr Member kExpectation[] = {
    {"name", "string"}, {"condition", "string"}, {"message", "string"}};
constexpr Member kGroup[] = {
    {"query", "string"},        {"topic", "string"},
    {"running", "boolean"},     {"partitions", "integer"},
    {"lag_records", "integer"}, {"lag_seconds", "number", "Of the worst partition."}};
constexpr Member kLag[] = {{"topic", "string"},
                           {"partition", "integer"},
                           {"next", "integer", "First offset not in the tables yet."},
                           {"end", "integer", "Behind the last readable record."},
                           {"lag_records", "integer"},
                           {"lag_seconds", "number", "0 when caught up."},
                           {"watermark", "?time"},
                           {"idle", "boolean"}};

constexpr Member kTable[] = {{"table", "string"},
                             {"partition_key", "[]string"},
                             {"clustering", "[]string"},
                             {"columns", "integer"},
                             {"written_by", "[]string", "Queries."}};
constexpr Member kTableDetail[] = {
    {"summary", "Table"},
    {"columns", "[]TableColumn"},
    {"cql", "string", "As CREATE TABLE writes it."},
    {"approximate_bytes", "?integer",
     "In files, compressed; an estimate without unflushed rows; null in Cassandra."}};
constexpr Member kTableColumn[] = {
    {"name", "string"},
    {"type", "string", "CQL type."},
    {"kind", "string", "", false, "partition_key|clustering|static|regular"},
    {"descending", "boolean"}};
constexpr Member kSqlRequest[] = {
    {"sql", "string", "One SELECT over tables, topics and references.", false, {}, 1, 65536},
    {"rows_max", "integer", "Rows of the answer (default 100).", true, {}, 1, 10000},
    {"timeout_ms", "integer", "Longest time (default 10000).", true, {}, 1, 60000},
    {"explain", "boolean", "Only the plan (default false).", true}};
constexpr Member kSqlResult[] = {
    {"columns", "[]SqlColumn"},
    {"rows", "[]object"},
    {"truncated", "boolean", "There are more rows than rows_max, or than 8 MiB."},
    {"rows_read", "integer"},
    {"unreadable_records", "integer", "Records of topics left out: they do not fit their schema."},
    {"plan", "string"}};
constexpr Member kSqlColumn[] = {{"name", "string"}, {"type", "string", "Spark SQL type."}};

constexpr Member kLetterGroups[] = {
    {"items", "[]LetterGroup"},
    {"scanned", "integer"},
    {"complete", "boolean", "False: scan_max ended the count early."}};
constexpr Member kLetterGroup[] = {{"topic", "string"},       {"query", "string"},
                                   {"stage", "string"},       {"condition", "string"},
                                   {"count", "integer"},      {"last_origin", "Origin"},
                                   {"last_message", "string"}};
constexpr Member kOrigin[] = {{"topic", "string"},
                              {"partition", "integer"},
                              {"offset", "integer"},
                              {"ordinal", "integer", "Which row of the record, from 0."}};
constexpr Member kLetter[] = {{"partition", "integer", "Of the dead-letter topic."},
                              {"offset", "integer"},
                              {"timestamp", "time"},
                              {"origin", "Origin"},
                              {"query", "string"},
                              {"stage", "string"},
                              {"condition", "string"},
                              {"message", "string"},
                              {"epoch", "integer"},
                              {"key", "?string"},
                              {"key_encoding", "?string", "", false, "json|text|base64"},
                              {"value", "?string"},
                              {"value_encoding", "?string", "", false, "json|text|base64"}};
constexpr Member kLetterPage[] = {
    {"items", "[]Letter"}, {"next_cursor", "?string"}, {"scanned", "integer"}};
constexpr Member kLetterReplay[] = {
    {"query", "string", "Only letters of this query.", true, {}, 1, 512},
    {"condition", "string", "Only letters of this condition.", true, {}, 1, 512}};
constexpr Member kReplayed[] = {
    {"records", "integer"},
    {"without_record", "integer", "Letters about rows of windows: there is no record to append."}};

constexpr Shape kShapes[] = {
    {"Problem", "An error (RFC 9457).", kProblem},
    {"ParameterError", "What is wrong with one parameter.", kParameterError},
    {"Pipeline", "The project at work.", kPipeline},
    {"PipelineRole", "One role of the pipeline.", kPipelineRole},
    {"Setting", "A setting in force.", kSetting},
    {"Diagnostics", "What to look at first.", kDiagnostics},
    {"ProcessState", "The process.", kProcessState},
    {"Damage", "A partition that is closed because of damage.", kDamage},
    {"LostRange", "Offsets that went before they were read.", kLostRange},
    {"FailedQuery", "A query that stopped by itself.", kFailedQuery},
    {"Live", "What moves, at one moment.", kLive},
    {"Dag", "A DAG and how it stands.", kDag},
    {"DagDetail", "A DAG with its tasks.", kDagDetail},
    {"Task", "A task of a DAG.", kTask},
    {"DagChange", "What to change of a DAG.", kDagChange},
    {"Run", "A run of a DAG.", kRun},
    {"RunPage", "A page of runs.", kRunPage},
    {"RunDetail", "A run with its task instances.", kRunDetail},
    {"TaskInstance", "A task of a run.", kTaskInstance},
    {"RunTrigger", "A run to start.", kRunTrigger},
    {"RunClear", "What to run again.", kRunClear},
    {"Cleared", "How many task instances run again.", kCleared},
    {"Try", "A try of a task instance.", kTry},
    {"LogPage", "Lines of a try's log.", kLogPage},
    {"LogLine", "A line of a try's log.", kLogLine},
    {"Backfill", "A backfill.", kBackfill},
    {"BackfillRange", "A backfill to plan.", kBackfillRange},
    {"BackfillStart", "A backfill to start.", kBackfillStart},
    {"BackfillPlan", "What a backfill would do.", kBackfillPlan},
    {"Pool", "A pool of slots.", kPool},
    {"Topic", "A topic.", kTopic},
    {"Partition", "Offsets of a partition.", kPartition},
    {"Message", "A record of a topic.", kMessage},
    {"MessageHeader", "A header of a record.", kMessageHeader},
    {"MessagePage", "A page of records.", kMessagePage},
    {"Query", "A streaming query and how it stands.", kQuery},
    {"QueryDetail", "A query with its definition.", kQueryDetail},
    {"Expectation", "A condition that rows must meet.", kExpectation},
    {"Group", "How far a query is behind in a topic.", kGroup},
    {"Lag", "How far a query is behind in a partition.", kLag},
    {"Table", "A table.", kTable},
    {"TableDetail", "A table with its schema.", kTableDetail},
    {"TableColumn", "A column of a table.", kTableColumn},
    {"SqlRequest", "A SELECT to run.", kSqlRequest},
    {"SqlResult", "Rows of a SELECT.", kSqlResult},
    {"SqlColumn", "A column of a result.", kSqlColumn},
    {"LetterGroups", "Dead letters by reason.", kLetterGroups},
    {"LetterGroup", "Dead letters of one reason.", kLetterGroup},
    {"Origin", "Where a record came from.", kOrigin},
    {"Letter", "A dead letter.", kLetter},
    {"LetterPage", "A page of dead letters.", kLetterPage},
    {"LetterReplay", "Which letters to replay.", kLetterReplay},
    {"Replayed", "How many records were appended.", kReplayed},
};

}  // namespace

std::span<const Shape> AllShapes() { return kShapes; }

}  // namespace millrace::api::rest
