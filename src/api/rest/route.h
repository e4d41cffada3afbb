// The REST API as one table of routes. From it come the dispatcher (router.h), the validation of
// parameters, /api/v1/openapi.json and docs/reference/api.md (documents.h); a test walks every row.
//
// Thread contract: handlers run on any thread, several at once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/rest/schema.h"
#include "base/cancel.h"
#include "io/http_server.h"
#include "pipeline/runner.h"

namespace millrace::api::rest {

inline constexpr std::string_view kBasePath = "/api/v1";

// Who may call a route once there are users: a viewer sees, an operator changes what runs, an admin
// changes who may.
enum class Role : uint8_t { kViewer, kOperator, kAdmin };
std::string_view Name(Role role);

struct Parameter {
  std::string_view name;
  std::string_view type;  // "string", "integer", "boolean", "time"
  std::string_view summary;
  std::string_view fallback = {};  // empty: none
  int64_t least = INT64_MIN;       // of an integer, or of a string's size in bytes
  int64_t most = INT64_MAX;
  std::string_view choices = {};
};

class Call;
class LiveValues;

struct Answer {
  std::string body;                                      // JSON, unless `stream` is set
  std::function<void(io::ResponseStream&)> stream = {};  // of the route's media type
};
using Handler = Result<Answer> (*)(Call&);

// What a route costs. A heavy one scans: at most kHeavyMax of these run at once, so that health,
// metrics and lists never wait for them.
enum class Cost : uint8_t { kLight, kHeavy };

struct Route {
  std::string_view method;
  std::string_view path;  // below kBasePath; "{dag}" is a parameter
  std::string_view id;    // operationId
  std::string_view tag;
  std::string_view summary;
  std::span<const Parameter> parameters;  // those named in the path, then those of the query
  std::string_view body;                  // type of the request's body; empty: none
  std::string_view answer;                // type of the answer
  Handler run;
  Role role = Role::kViewer;
  Cost cost = Cost::kLight;
  int status = 200;
  std::string_view media = "application/json";
};

std::span<const Route> AllRoutes();
bool IsPathParameter(const Route& route, std::string_view name);

// One request, its parameters checked and converted.
class Call {
 public:
  pipeline::Workspace& workspace;
  pipeline::Runner& runner;
  LiveValues& live;
  CancelToken& stopping;  // the process ends
  const Route& route;
  std::map<std::string, std::string, std::less<>> values = {};  // as sent, or the fallback
  data::JsonValue body = {};

  bool Has(std::string_view name) const { return values.contains(name); }
  // Of a parameter that is there.
  const std::string& Text(std::string_view name) const { return values.find(name)->second; }
  int64_t Integer(std::string_view name) const;
  bool Boolean(std::string_view name) const { return Text(name) == "true"; }
  TimestampUs Time(std::string_view name) const;
  // The running scheduler; kUnavailable.
  Result<schedule::Scheduler*> Scheduler() const;
};

// Handlers by area, each in handlers_<area>.cc.
Result<Answer> GetOpenApi(Call&);
Result<Answer> GetPipeline(Call&);
Result<Answer> ListSettings(Call&);
Result<Answer> GetDiagnostics(Call&);
Result<Answer> StreamEvents(Call&);

Result<Answer> ListDags(Call&);
Result<Answer> GetDag(Call&);
Result<Answer> ChangeDag(Call&);
Result<Answer> ListRuns(Call&);
Result<Answer> GetRun(Call&);
Result<Answer> TriggerRun(Call&);
Result<Answer> ClearRun(Call&);
Result<Answer> CancelRun(Call&);
Result<Answer> ListTries(Call&);
Result<Answer> ReadTryLog(Call&);
Result<Answer> ListBackfills(Call&);
Result<Answer> PlanBackfill(Call&);
Result<Answer> StartBackfill(Call&);
Result<Answer> CancelBackfill(Call&);
Result<Answer> ListPools(Call&);

Result<Answer> ListTopics(Call&);
Result<Answer> GetTopic(Call&);
Result<Answer> ListPartitions(Call&);
Result<Answer> ListMessages(Call&);

Result<Answer> ListQueries(Call&);
Result<Answer> GetQuery(Call&);
Result<Answer> ListGroups(Call&);
Result<Answer> ListLag(Call&);

Result<Answer> ListTables(Call&);
Result<Answer> GetTable(Call&);
Result<Answer> ListRows(Call&);
Result<Answer> RunSql(Call&);

Result<Answer> ListLetterGroups(Call&);
Result<Answer> ListLetters(Call&);
Result<Answer> ExportLetters(Call&);
Result<Answer> ReplayLetters(Call&);

}  // namespace millrace::api::rest
