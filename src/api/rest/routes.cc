// The table itself. One row a route, by area.
#include <algorithm>

#include "api/rest/route.h"

namespace millrace::api::rest {
namespace {

using enum Role;

constexpr int64_t kNameBytesMax = 512;
constexpr int64_t kNumberMax = INT64_MAX;

constexpr Parameter kLimit = {"limit", "integer", "Items of a page at most.", "100", 1, 1000};
constexpr Parameter kCursor = {"cursor", "string", "`next_cursor` of the page before.",
                               {},       1,        4096};
constexpr Parameter kDag = {"dag", "string", "Name of the DAG.", {}, 1, kNameBytesMax};
constexpr Parameter kRun = {"run", "string", "Id of the run.", {}, 1, kNameBytesMax};
constexpr Parameter kTask = {"task", "string", "Name of the task.", {}, 1, kNameBytesMax};
constexpr Parameter kTopic = {"topic", "string", "Name of the topic.", {}, 1, kNameBytesMax};
constexpr Parameter kQuery = {"query", "string", "Name of the query.", {}, 1, kNameBytesMax};
constexpr Parameter kTable = {"table", "string", "keyspace.table.", {}, 1, kNameBytesMax};
constexpr Parameter kScanMax = {"scan_max", "integer", "Records to look at, at most.",
                                "100000",   1,         10000000};
constexpr Parameter kCondition = {"condition", "string", "Only letters of this condition.",
                                  {},          1,        kNameBytesMax};

constexpr Parameter kPage[] = {kLimit, kCursor};
constexpr Parameter kOfDag[] = {kDag};
constexpr Parameter kOfRun[] = {kDag, kRun};
constexpr Parameter kTriesParameters[] = {kDag, kRun, kTask, kLimit, kCursor};
constexpr Parameter kDagPage[] = {kDag, kLimit, kCursor};
constexpr Parameter kOfTopic[] = {kTopic};
constexpr Parameter kTopicPage[] = {kTopic, kLimit, kCursor};
constexpr Parameter kOfQuery[] = {kQuery};
constexpr Parameter kQueryPage[] = {kQuery, kLimit, kCursor};
constexpr Parameter kOfTable[] = {kTable};
constexpr Parameter kTablePage[] = {kTable, kLimit, kCursor};

constexpr Parameter kRunsParameters[] = {
    {"dag", "string", "Only runs of this DAG.", {}, 1, kNameBytesMax},
    {"state",
     "string",
     "Only runs in this state.",
     {},
     INT64_MIN,
     INT64_MAX,
     "queued|running|success|failed"},
    {"type",
     "string",
     "Only runs started so.",
     {},
     INT64_MIN,
     INT64_MAX,
     "scheduled|manual|backfill"},
    {"logical_from", "time", "Only logical dates at or after this time."},
    {"logical_to", "time", "Only logical dates at or before this time."},
    kLimit,
    kCursor};

constexpr Parameter kLogParameters[] = {
    kDag,
    kRun,
    kTask,
    {"try", "integer", "Number of the try, from 1.", {}, 1, 1000000},
    {"from", "integer", "Number of the first line, from 1: one more than the last one seen tails.",
     "1", 1, 1000000000},
    {"limit", "integer", "Lines at most.", "500", 1, 1000}};

constexpr Parameter kBackfillParameters[] = {
    kDag, {"backfill", "integer", "Number of the backfill.", {}, 1, kNumberMax}};

constexpr Parameter kTopicsParameters[] = {
    {"internal", "boolean", "Also topics of Millrace itself.", "false"}, kLimit, kCursor};

constexpr Parameter kMessagesParameters[] = {
    kTopic,
    {"partition", "integer", "Only this partition.", {}, 0, INT32_MAX},
    {"offset", "integer", "Start at this offset, in every partition asked for.", {}, 0, kNumberMax},
    {"time", "time", "Start at the first record that was appended at or after this time."},
    {"last", "integer", "Start so many records before the end, over all partitions.", {}, 1, 10000},
    {"key", "string", "Only records with exactly this key.", {}, 1, 1024},
    {"contains", "string", "Only records whose key or value contains this text.", {}, 1, 1024},
    kScanMax,
    kLimit,
    kCursor};

constexpr Parameter kLetterGroupParameters[] = {kScanMax};
constexpr Parameter kLettersParameters[] = {kTopic, kCondition, kScanMax, kLimit, kCursor};
constexpr Parameter kExportParameters[] = {kTopic, kCondition};

constexpr Parameter kEventsParameters[] = {
    {"interval_ms", "integer", "Time between two events.", "1000", 200, 60000}};

constexpr std::string_view kSchedule = "Schedule";
constexpr std::string_view kLog = "Log";
constexpr std::string_view kQueries = "Queries";
constexpr std::string_view kTables = "Tables";
constexpr std::string_view kLetters = "Dead letters";
constexpr std::string_view kPipeline = "Pipeline";

constexpr Route kRoutes[] = {
    {"GET",
     "/openapi.json",
     "getOpenApi",
     kPipeline,
     "This API as OpenAPI 3.1.",
     {},
     "",
     "object",
     GetOpenApi},
    {"GET",
     "/pipeline",
     "getPipeline",
     kPipeline,
     "Name, roles and what the project holds.",
     {},
     "",
     "Pipeline",
     GetPipeline},
    {"GET", "/settings", "listSettings", kPipeline,
     "Settings in force and where each comes from; never a secret.", kPage, "", "page Setting",
     ListSettings},
    {"GET",
     "/diagnostics",
     "getDiagnostics",
     kPipeline,
     "Process, disk, damage and failures: what to look at first.",
     {},
     "",
     "Diagnostics",
     GetDiagnostics},
    {"GET", "/events", "streamEvents", kPipeline,
     "Live values as server-sent events: event `live`, data of shape Live.", kEventsParameters, "",
     "Live", StreamEvents, kViewer, Cost::kLight, 200, "text/event-stream"},

    {"GET", "/dags", "listDags", kSchedule, "DAGs by name.", kPage, "", "page Dag", ListDags},
    {"GET", "/dags/{dag}", "getDag", kSchedule, "One DAG with its tasks and next due times.",
     kOfDag, "", "DagDetail", GetDag},
    {"PATCH", "/dags/{dag}", "changeDag", kSchedule,
     "Pauses the timetable of a DAG or lets it go on.", kOfDag, "DagChange", "Dag", ChangeDag,
     kOperator},
    {"GET", "/runs", "listRuns", kSchedule, "Runs, the newest logical date first.", kRunsParameters,
     "", "RunPage", ListRuns},
    {"POST", "/dags/{dag}/runs", "triggerRun", kSchedule, "Starts a run by hand.", kOfDag,
     "RunTrigger", "Run", TriggerRun, kOperator, Cost::kLight, 201},
    {"GET", "/dags/{dag}/runs/{run}", "getRun", kSchedule, "One run with its task instances.",
     kOfRun, "", "RunDetail", GetRun},
    {"POST", "/dags/{dag}/runs/{run}/clear", "clearRun", kSchedule,
     "Runs tasks of the run again, under a raised generation.", kOfRun, "RunClear", "Cleared",
     ClearRun, kOperator},
    {"POST", "/dags/{dag}/runs/{run}/cancel", "cancelRun", kSchedule,
     "Cancels what runs and skips what has not started; the run fails.", kOfRun, "", "Run",
     CancelRun, kOperator},
    {"GET", "/dags/{dag}/runs/{run}/tasks/{task}/tries", "listTries", kSchedule,
     "Tries of one task instance.", kTriesParameters, "", "page Try", ListTries},
    {"GET", "/dags/{dag}/runs/{run}/tasks/{task}/tries/{try}/log", "readTryLog", kSchedule,
     "Log lines of a try, from a line number on.", kLogParameters, "", "LogPage", ReadTryLog},
    {"GET", "/dags/{dag}/backfills", "listBackfills", kSchedule, "Backfills of a DAG.", kDagPage,
     "", "page Backfill", ListBackfills},
    {"POST", "/dags/{dag}/backfills/plan", "planBackfill", kSchedule,
     "Counts what a backfill would start; starts nothing.", kOfDag, "BackfillRange", "BackfillPlan",
     PlanBackfill},
    {"POST", "/dags/{dag}/backfills", "startBackfill", kSchedule,
     "Starts a backfill; `run_count` of its plan must still hold.", kOfDag, "BackfillStart",
     "Backfill", StartBackfill, kOperator, Cost::kLight, 201},
    {"POST", "/dags/{dag}/backfills/{backfill}/cancel", "cancelBackfill", kSchedule,
     "Starts no further runs of a backfill.", kBackfillParameters, "", "Backfill", CancelBackfill,
     kOperator},
    {"GET", "/pools", "listPools", kSchedule, "Pools and how full they are.", kPage, "",
     "page Pool", ListPools},

    {"GET", "/topics", "listTopics", kLog, "Topics by name.", kTopicsParameters, "", "page Topic",
     ListTopics},
    {"GET", "/topics/{topic}", "getTopic", kLog, "One topic.", kOfTopic, "", "Topic", GetTopic},
    {"GET", "/topics/{topic}/partitions", "listPartitions", kLog,
     "Offsets of a topic's partitions.", kTopicPage, "", "page Partition", ListPartitions},
    {"GET", "/topics/{topic}/messages", "listMessages", kLog,
     "Records by partition and offset, filtered here; at most one of offset, time and last.",
     kMessagesParameters, "", "MessagePage", ListMessages, kViewer, Cost::kHeavy},

    {"GET", "/queries", "listQueries", kQueries, "Streaming queries by name.", kPage, "",
     "page Query", ListQueries},
    {"GET", "/queries/{query}", "getQuery", kQueries, "One query with its text, plan and sinks.",
     kOfQuery, "", "QueryDetail", GetQuery},
    {"GET", "/queries/{query}/lag", "listLag", kQueries, "Lag of a query by partition.", kQueryPage,
     "", "page Lag", ListLag},
    {"GET", "/groups", "listGroups", kQueries, "Lag of every query by topic.", kPage, "",
     "page Group", ListGroups},

    {"GET", "/tables", "listTables", kTables, "Tables by name.", kPage, "", "page Table",
     ListTables},
    {"GET", "/tables/{table}", "getTable", kTables, "Schema and size of a table.", kOfTable, "",
     "TableDetail", GetTable},
    {"GET", "/tables/{table}/rows", "listRows", kTables, "Rows of a table in stored order.",
     kTablePage, "", "page object", ListRows},
    {"POST",
     "/sql",
     "runSql",
     kTables,
     "One SELECT, bounded in rows and time.",
     {},
     "SqlRequest",
     "SqlResult",
     RunSql,
     kViewer,
     Cost::kHeavy},

    {"GET", "/dead-letters", "listLetterGroups", kLetters,
     "Dead letters of all queries, grouped by reason.", kLetterGroupParameters, "", "LetterGroups",
     ListLetterGroups, kViewer, Cost::kHeavy},
    {"GET", "/dead-letters/{topic}", "listLetters", kLetters, "Letters of one topic.",
     kLettersParameters, "", "LetterPage", ListLetters, kViewer, Cost::kHeavy},
    {"GET", "/dead-letters/{topic}/export", "exportLetters", kLetters,
     "Every letter of one topic, one JSON object of shape Letter a line.", kExportParameters, "",
     "Letter", ExportLetters, kViewer, Cost::kHeavy, 200, "application/x-ndjson"},
    {"POST", "/dead-letters/{topic}/replay", "replayLetters", kLetters,
     "Appends the letters not replayed yet to the topics they came from, for their queries.",
     kOfTopic, "LetterReplay", "Replayed", ReplayLetters, kOperator, Cost::kHeavy},
};

}  // namespace

std::string_view Name(Role role) {
  return role == kViewer ? "viewer" : role == kOperator ? "operator" : "admin";
}

std::span<const Route> AllRoutes() { return kRoutes; }

bool IsPathParameter(const Route& route, std::string_view name) {
  return route.path.find(fmt::format("{{{}}}", name)) != std::string_view::npos;
}

}  // namespace millrace::api::rest
