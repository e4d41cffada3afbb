// Graphs of tasks of a project: schedules, retries, and what each task does.
#include "pipeline/project_loader.h"
#include "schedule/civil.h"

namespace millrace::pipeline {
namespace {

std::chrono::milliseconds Milliseconds(int64_t micros) {
  return std::chrono::milliseconds(micros / 1000);
}

schedule::TriggerRule RuleOf(const std::string& text) {
  if (text == "all_done") return schedule::TriggerRule::kAllDone;
  if (text == "one_failed") return schedule::TriggerRule::kOneFailed;
  return schedule::TriggerRule::kAllSuccess;
}

schedule::CatchUpPolicy::Kind CatchUpOf(const std::string& text) {
  if (text == "all") return schedule::CatchUpPolicy::Kind::kAll;
  if (text == "last") return schedule::CatchUpPolicy::Kind::kLast;
  return schedule::CatchUpPolicy::Kind::kNone;
}

extract::AuthKind AuthOf(const std::string& text) {
  if (text == "api_key") return extract::AuthKind::kApiKey;
  if (text == "basic") return extract::AuthKind::kBasic;
  if (text == "bearer") return extract::AuthKind::kBearer;
  if (text == "oauth2") return extract::AuthKind::kOauth2;
  return extract::AuthKind::kNone;
}

extract::PageKind PagesOf(const std::string& text) {
  if (text == "page") return extract::PageKind::kPage;
  if (text == "offset") return extract::PageKind::kOffset;
  if (text == "next_url") return extract::PageKind::kNextUrl;
  if (text == "link") return extract::PageKind::kLink;
  if (text == "cursor") return extract::PageKind::kCursor;
  return extract::PageKind::kNone;
}

schedule::RetryPolicy ReadRetryPolicy(const Section& section) {
  schedule::RetryPolicy retry;
  retry.retries = static_cast<int>(section.Integer("retries"));
  retry.delay = Milliseconds(section.DurationUs("retry_delay"));
  retry.factor = section.Real("retry_factor");
  retry.delay_max = Milliseconds(section.DurationUs("retry_delay_max"));
  retry.jitter = section.Real("retry_jitter");
  return retry;
}

extract::AuthSpec ReadAuth(const Section& section) {
  extract::AuthSpec auth;
  auth.kind = AuthOf(section.Text("kind"));
  auth.header = section.Text("header");
  auth.parameter = section.Text("parameter");
  auth.user = section.Text("user");
  auth.token_url = section.Text("token_url");
  auth.scope = section.Text("scope");
  return auth;
}

extract::PaginateSpec ReadPaginate(const Section& section) {
  extract::PaginateSpec paginate;
  paginate.kind = PagesOf(section.Text("kind"));
  paginate.parameter = section.Text("parameter");
  paginate.start = section.Integer("start");
  paginate.step = section.Integer("step");
  paginate.path = section.Text("path");
  paginate.header = section.Text("header");
  paginate.more_path = section.Text("more_path");
  paginate.page_size = section.Integer("page_size");
  paginate.pages = section.Integer("pages");
  return paginate;
}

extract::LimitsSpec ReadLimits(const Section& section) {
  extract::LimitsSpec limits;
  limits.pages = section.Integer("pages");
  limits.records = section.Integer("records");
  limits.bytes = static_cast<uint64_t>(section.Bytes("bytes"));
  limits.page_bytes = static_cast<uint64_t>(section.Bytes("page_bytes"));
  limits.compression_ratio = static_cast<uint32_t>(section.Integer("compression_ratio"));
  const std::string on_limit = section.Text("on_limit");
  if (on_limit == "stop") limits.on_limit = extract::OnLimit::kStop;
  if (on_limit == "fail") limits.on_limit = extract::OnLimit::kFail;
  return limits;
}

io::HttpTimeouts ReadTimeouts(const Section& section) {
  io::HttpTimeouts timeouts;
  timeouts.connect = Milliseconds(section.DurationUs("connect"));
  timeouts.first_byte = Milliseconds(section.DurationUs("first_byte"));
  timeouts.idle = Milliseconds(section.DurationUs("idle"));
  timeouts.total = Milliseconds(section.DurationUs("total"));
  return timeouts;
}

extract::HttpSourceSpec ReadSource(const Section& section) {
  extract::HttpSourceSpec source;
  source.url = section.Text("url");
  source.method = section.Text("method");
  for (const auto& [name, value] : section.TextMap("headers")) source.headers[name] = value;
  source.query = section.TextMap("query");
  source.body = section.Text("body");
  source.topic = section.Text("topic");
  source.select = section.Text("select");
  source.key = section.Text("key");
  source.conditional = section.Boolean("conditional");
  source.allow_private = section.Texts("allow_private");
  source.allow_http = section.Boolean("allow_http");
  source.redirects = static_cast<int>(section.Integer("redirects"));
  source.auth = ReadAuth(section.Child("auth"));
  source.paginate = ReadPaginate(section.Child("paginate"));
  const Section cursor = section.Child("cursor");
  source.cursor = {cursor.Text("path"), cursor.Text("initial"), cursor.Boolean("ordered")};
  const Section commit = section.Child("commit_every");
  source.commit_every_pages = commit.Integer("pages");
  source.commit_every_bytes = static_cast<uint64_t>(commit.Bytes("bytes"));
  source.limits = ReadLimits(section.Child("limits"));
  source.timeouts = ReadTimeouts(section.Child("timeouts"));
  const Section rate = section.Child("rate_limit");
  source.rate_limit = {rate.Real("requests_per_second"), rate.Integer("burst")};
  const Section retry = section.Child("retry");
  source.retry = {static_cast<int>(retry.Integer("attempts")),
                  Milliseconds(retry.DurationUs("delay")),
                  Milliseconds(retry.DurationUs("delay_max"))};
  return source;
}

// Where a mistake of "paginate.path" stands: at that key if it is there, else at the nearest map
// around it.
sql::Location PlaceOf(const Section& section, std::string_view setting) {
  const size_t dot = setting.find('.');
  const std::string_view head = setting.substr(0, dot);
  if (FindSetting(fmt::format("dags.*.tasks.*.http.{}", head)) == nullptr || !section.Has(head))
    return section.node()->key_where;
  if (dot == std::string_view::npos) return section.Where(head);
  const Section child = section.Child(head);
  const std::string_view rest = setting.substr(dot + 1);
  return child.Find(rest) != nullptr ? child.Where(rest) : section.Where(head);
}

}  // namespace

void ProjectLoader::LoadHttp(TaskWork& task, const Section& section) {
  HttpWork work{ReadSource(section), section.Child("auth").Text("secret")};
  CheckSecret(section.Child("auth"));
  // The secret's value is not needed to check the rest, and must not be read for a check.
  extract::HttpSourceSpec checked = work.source;
  if (!work.secret_place.empty()) checked.auth.secret = Secret("checked when a try starts");
  for (const extract::SpecMistake& mistake : extract::CheckSource(checked)) {
    Error(PlaceOf(section, mistake.setting),
          fmt::format("http.{}: {}", mistake.setting, mistake.message));
  }
  if (!project_.topics.contains(work.source.topic)) {
    std::vector<std::string> names;
    for (const auto& [name, topic] : project_.topics) names.push_back(name);
    const std::string nearest = sql::NearestName(work.source.topic, names);
    Error(section.Where("topic"), fmt::format("no topic \"{}\"", work.source.topic),
          nearest.empty() ? "declare it under topics:"
                          : fmt::format("did you mean \"{}\"?", nearest));
  }
  task.http = std::move(work);
}

// A template of a command, which has no cursor.
void ProjectLoader::CheckTemplate(const Node& node) {
  auto mistake = extract::Template::FindMistake(node.text);
  if (!mistake && extract::Template::Parse(node.text)->uses_cursor())
    mistake = {node.text.find("{{"), "only http tasks have a cursor"};
  if (!mistake) return;
  const SourceText source = TextOf(node);
  sql::Diagnostic diagnostic{{1, 1}, "", "template: " + mistake->message, ""};
  for (const char c : std::string_view(node.text).substr(0, mistake->offset)) {
    if ((static_cast<unsigned char>(c) & 0xc0) == 0x80) continue;  // inside a code point
    ++diagnostic.where.column;
    if (c == '\n') diagnostic.where = {diagnostic.where.line + 1, 1};
  }
  problems_.push_back(source.At(diagnostic));
}

void ProjectLoader::LoadCommand(TaskWork& task, const Section& section) {
  CommandSpec command{section.Texts("argv"), section.TextMap("environment")};
  if (section.Has("argv") && (command.argv.empty() || command.argv[0].empty()))
    Error(section.Where("argv"), "argv names no program", "its first item is the program to run");
  if (const Node* argv = section.Find("argv")) {
    if (argv->kind == Node::Kind::kScalar) CheckTemplate(*argv);
    for (const Node& item : argv->items) CheckTemplate(item);
  }
  if (const Node* environment = section.Find("environment"))
    for (const auto& [name, value] : environment->members) CheckTemplate(value);
  task.command = std::move(command);
}

// A check must work where the secrets are not, so a missing one is no error before a try.
void ProjectLoader::CheckSecret(const Section& auth) {
  const std::string place = auth.Text("secret");
  if (!place.starts_with("env:") || !options_.environment) return;
  const auto value = options_.environment(place.substr(4));
  if (value && !value->empty()) return;
  problems_.push_back(
      {file_, auth.Where("secret"),
       fmt::format("secret {}: the variable is {} here", place, value ? "empty" : "not set"),
       "tries fail until it is set", true});
}

void ProjectLoader::LoadPools(const Section& root) {
  for (const auto& [name, section] : root.Children("pools")) {
    project_.pools.emplace(name, static_cast<int>(section.Integer("slots")));
  }
}

void ProjectLoader::LoadDags(const Section& root) {
  for (const auto& [name, section] : root.Children("dags")) LoadDag(name, section);
}

std::optional<TimestampUs> ProjectLoader::LoadTime(const Section& section, std::string_view name) {
  const std::string text = section.Text(name);
  if (text.empty()) return std::nullopt;
  const auto at = schedule::ParseUtc(text);
  if (at) return *at;
  Error(section.Where(name), at.error().message, "write it as 2026-01-31T00:00:00Z");
  return std::nullopt;
}

void ProjectLoader::LoadDag(const std::string& name, const Section& section) {
  schedule::DagSpec dag;
  dag.id = name;
  auto zone = TimeZone::Find(section.Text("time_zone"));
  if (!zone) {
    Error(section.Where("time_zone"), zone.error().message, zone.error().hint);
    zone = TimeZone::Utc();
  }
  if (auto timetable = schedule::Timetable::Parse(section.Text("schedule"), *zone)) {
    dag.timetable = std::move(*timetable);
    if (options_.now.value > 0 && !dag.timetable.ByHandOnly() &&
        !dag.timetable.NextAfter(options_.now)) {
      Error(section.Where("schedule"),
            fmt::format("schedule \"{}\" never fires again", section.Text("schedule")),
            "look at its day and month fields");
    }
  } else {
    Error(section.Where("schedule"), timetable.error().message, timetable.error().hint);
  }
  dag.start = LoadTime(section, "start");
  dag.end = LoadTime(section, "end");
  dag.catch_up = {CatchUpOf(section.Text("catch_up")),
                  Milliseconds(section.DurationUs("catch_up_age"))};
  dag.overlap.kind = section.Text("overlap") == "queue" ? schedule::OverlapPolicy::Kind::kQueue
                                                        : schedule::OverlapPolicy::Kind::kSkip;
  dag.overlap.queue_max = static_cast<int>(section.Integer("queue_max"));
  dag.max_active_runs = static_cast<int>(section.Integer("max_active_runs"));
  dag.run_timeout = Milliseconds(section.DurationUs("run_timeout"));
  dag.starts_paused = section.Boolean("paused");
  for (const auto& [task_name, task_section] : section.Children("tasks")) {
    if (auto task = LoadTask(name, task_name, task_section)) dag.tasks.push_back(std::move(*task));
  }
  if (const auto made = schedule::Dag::Create(dag); !made) {
    Error(section.node()->key_where, made.error().message, made.error().hint);
  }
  project_.dags.push_back(std::move(dag));
}

void ProjectLoader::CheckQueryTask(const std::string& name, const BatchQuerySpec& query,
                                   const Section& section) {
  const bool has_table = project_.tables.contains(query.into);
  if (!query.sql.unreadable && !schemas_unreadable_) {
    const sql::BoundQuery bound =
        sql::BindQuery(query.sql.text, ProjectCatalog(project_, false), {});
    Add(query.sql, bound.errors);
    Add(query.sql, bound.warnings, true);
    if (bound.plan != nullptr && has_table) {
      CheckTableSink("task " + name, bound.plan->schema, query.into, section.Where("into"));
    }
  }
  if (!query.into.empty() && !has_table && !tables_unreadable_)
    Error(section.Where("into"), fmt::format("no table \"{}\"", query.into));
}

std::optional<schedule::TaskSpec> ProjectLoader::LoadTask(const std::string& dag,
                                                          const std::string& name,
                                                          const Section& section) {
  schedule::TaskSpec spec;
  spec.id = name;
  spec.upstream = section.Texts("needs");
  spec.rule = RuleOf(section.Text("trigger_rule"));
  spec.retry = ReadRetryPolicy(section);
  spec.try_timeout = Milliseconds(section.DurationUs("timeout"));
  spec.pool = section.Text("pool");
  spec.pool_slots = static_cast<int>(section.Integer("pool_slots"));
  spec.priority = static_cast<int>(section.Integer("priority"));
  if (spec.pool != schedule::kDefaultPool && !project_.pools.contains(spec.pool)) {
    Error(section.Where("pool"), fmt::format("no pool \"{}\"", spec.pool),
          "declare it under pools:");
  } else if (project_.pools.contains(spec.pool) && project_.pools.at(spec.pool) < spec.pool_slots) {
    Error(section.Where("pool_slots"),
          fmt::format("task {} takes {} slots of pool {}, which has {}", name, spec.pool_slots,
                      spec.pool, project_.pools.at(spec.pool)));
  }
  TaskWork work;
  work.dag = dag;
  work.name = name;
  work.where = section.node()->key_where;
  const int kinds = section.Has("http") + section.Has("command") + section.Has("query");
  if (kinds != 1) {
    Error(work.where, fmt::format("task {} has {} kinds of work", name, kinds),
          "give it exactly one of http, command, query");
    return spec;  // the graph of tasks is judged all the same
  }
  if (section.Has("http")) {
    spec.kind = "http";
    LoadHttp(work, section.Child("http"));
  } else if (section.Has("command")) {
    spec.kind = "command";
    LoadCommand(work, section.Child("command"));
  } else {
    spec.kind = "query";
    const Section query = section.Child("query");
    work.query = BatchQuerySpec{TextOrFile(query, "sql", ".sql"), query.Text("into")};
    CheckQueryTask(name, *work.query, query);
  }
  project_.tasks.push_back(std::move(work));
  return spec;
}

}  // namespace millrace::pipeline
