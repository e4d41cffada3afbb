#include "pipeline/workspace.h"

#include <future>

#include <unistd.h>

#include "base/logging.h"
#include "connect/cassandra_store.h"
#include "connect/connectors.h"
#include "extract/spec.h"
#include "pipeline/tasks.h"

namespace millrace::pipeline {
namespace {

constexpr std::string_view kFormat = "millrace data folder, format 1\n";

void EndProcess(const Error& error) {
  logging::Error("process.fatal",
                 {{"error", error.message}, {"action", "ending; the next start recovers"}});
  ::_exit(1);
}

// With its secret read.
Result<kafka::ClientSettings> SettingsOf(const KafkaRole& role) {
  kafka::ClientSettings settings = role.settings;
  if (!role.secret_place.empty()) {
    MR_ASSIGN(settings.sasl.password, extract::ReadSecret(role.secret_place));
  }
  return settings;
}

}  // namespace

Result<std::pair<std::string, std::string>> SplitTableName(const std::string& name) {
  const size_t dot = name.find('.');
  if (dot == std::string::npos)
    return Fail(ErrorCode::kInvalidArgument, "\"{}\" is not keyspace.table", name);
  return std::pair(name.substr(0, dot), name.substr(dot + 1));
}

Result<std::unique_ptr<Workspace>> Workspace::Open(const Project& project, io::FileSystem& fs,
                                                   io::Clock& clock, WorkspaceOptions options) {
  if (!options.on_fatal) options.on_fatal = EndProcess;
  std::unique_ptr<Workspace> workspace(new Workspace(project, fs, clock));
  workspace->on_fatal_ = options.on_fatal;
  MR_TRY(io::CreateFoldersDurably(fs, project.data_folder));
  auto lock = fs.Lock(workspace->PathOf("LOCK"));
  if (!lock)
    return std::unexpected(
        std::move(lock.error()).WithHint("stop it, or name another data folder with --data"));
  workspace->lock_ = std::move(*lock);
  MR_TRY(workspace->CheckFormat());
  MR_TRY(workspace->OpenLog(options));
  MR_TRY(workspace->OpenTopics());
  // Store and database wait for the disk more than they work: side by side.
  std::future<Status> database;
  if (!options.in_memory)
    database = std::async(std::launch::async, [&] { return workspace->OpenDatabase(); });
  const Status store = workspace->OpenStore(options);
  if (database.valid()) MR_TRY(database.get());
  MR_TRY(store);
  if (options.apply_schema) {
    MR_TRY(workspace->EnsureTopics());
    MR_TRY(workspace->EnsureTables());
  }
  return workspace;
}

Workspace::~Workspace() {
  if (!store_) return;
  if (const Status flushed = store_->Flush(); !flushed) {
    logging::Warning("store.flush_failed", {{"error", flushed.error().message}});
  }
}

std::string Workspace::PathOf(std::string_view name) const {
  return io::JoinPath(project_.data_folder, name);
}

Status Workspace::CheckFormat() {
  const std::string path = PathOf("FORMAT");
  is_new_ = !fs_.Exists(path);
  if (is_new_) return io::WriteFileAtomically(fs_, path, kFormat);
  MR_ASSIGN(const std::string text, io::ReadWholeFile(fs_, path, 4096));
  if (text == kFormat) return {};
  return Fail(ErrorCode::kUnsupported, "{}: \"{}\" is not a format this version reads", path,
              text.substr(0, text.find('\n')));
}

Status Workspace::OpenLog(const WorkspaceOptions& options) {
  log::LogOptions log_options;
  log_options.folder = PathOf("log");
  log_options.durability = project_.settings.durability;
  if (project_.settings.log_disk_budget > 0)
    log_options.disk_budget_bytes = project_.settings.log_disk_budget;
  log_options.accept_loss = options.accept_loss;
  log_options.on_fatal = options.on_fatal;
  MR_ASSIGN(log_, log::Log::Open(std::move(log_options), fs_, clock_));
  for (const log::Log::Damage& damage : log_->DamagedPartitions()) {
    logging::Error("partition.damaged", {{"topic", damage.at.topic},
                                         {"partition", damage.at.partition},
                                         {"error", damage.error.message}});
  }
  return {};
}

// The cluster is asked for before anything is opened that would have to be closed again.
Status Workspace::OpenTopics() {
  if (!project_.kafka) {
    topics_ = connect::MakeEmbeddedTopics(*log_);
    return CheckRoles();
  }
  MR_ASSIGN(const kafka::ClientSettings settings, SettingsOf(*project_.kafka));
  std::vector<std::string> names;
  for (const auto& [name, topic] : project_.topics) names.push_back(name);
  MR_ASSIGN(topics_, connect::OpenKafkaTopics(settings, std::move(names)));
  return CheckRoles();
}

// Positions, state and cursors belong to the topics they were made from: with others they would
// skip or repeat records.
Status Workspace::CheckRoles() {
  const std::string path = PathOf("ROLES");
  std::string had;
  if (fs_.Exists(path)) {
    MR_ASSIGN(had, io::ReadWholeFile(fs_, path, 4096));
  }
  const std::string wanted =
      topics_->external() ? fmt::format("log: kafka {}\n", topics_->identity()) : "";
  if (had == wanted) return {};
  if (is_new_) return io::WriteFileAtomically(fs_, path, wanted);
  const auto shown = [](const std::string& roles) {
    return roles.empty() ? std::string("the embedded log") : roles.substr(5, roles.size() - 6);
  };
  return std::unexpected(
      Error{ErrorCode::kInvalidArgument,
            fmt::format("{}: its tables were made from {}, the profile says {}",
                        project_.data_folder, shown(had), shown(wanted)),
            "give each profile a data folder of its own (--data); nothing moves by itself"});
}

Status Workspace::OpenStore(const WorkspaceOptions& options) {
  const RuntimeSettings& settings = project_.settings;
  store::StoreOptions store_options;
  store_options.folder = PathOf("store");
  if (options.in_memory) store_options.file_system = &fs_;
  store_options.clock = &clock_;
  store_options.shards = settings.store_shards;
  // Half for rows not yet flushed (each shard may hold one memtable that fills and one that is
  // written), half for blocks.
  store_options.memtable_bytes = std::max<size_t>(
      settings.store_memory / 4 / static_cast<size_t>(settings.store_shards), 4u << 20);
  store_options.block_cache_bytes = settings.store_memory / 2;
  store_options.flush_source_bytes = settings.flush_bytes;
  store_options.flush_interval = std::chrono::milliseconds(settings.flush_interval_us / 1000);
  store_options.before_flush = [this] { return log_->Flush(); };
  store_options.fatal = options.on_fatal;
  if (topics_->external()) {
    for (const QueryDef& query : project_.queries) store_options.logged_queries.insert(query.name);
  }
  if (!options.in_memory) MR_TRY(CheckTablesPlace());
  MR_ASSIGN(store_, store::Store::Open(std::move(store_options)));
  return project_.cassandra && !options.in_memory ? OpenCassandra() : Status();
}

// Progress belongs to the tables it was made with: with others, rows would be missing in them.
Status Workspace::CheckTablesPlace() {
  const std::string path = PathOf("TABLES");
  const std::string_view place = project_.cassandra ? "cassandra" : "embedded";
  std::string known(fs_.Exists(PathOf("store")) ? "embedded" : "");  // folders from before the file
  if (fs_.Exists(path)) {
    MR_ASSIGN(known, io::ReadWholeFile(fs_, path, 4096));
  }
  if (known.empty() || known == place)
    return known == place ? Status() : io::WriteFileAtomically(fs_, path, place);
  return std::unexpected(
      Error{ErrorCode::kInvalidArgument,
            fmt::format("{}: its queries have written tables that are {}, now they are to be {}",
                        project_.data_folder, known, place),
            "give each profile a data folder of its own, with --data"});
}

Status Workspace::OpenCassandra() {
  cql::ClientOptions client = project_.cassandra->client;
  if (!project_.cassandra->password_place.empty()) {
    auto password = extract::ReadSecret(project_.cassandra->password_place);
    if (!password)
      return std::unexpected(
          std::move(password.error()).WithContext(client.settings + ".password"));
    client.password = std::move(*password);
  }
  MR_ASSIGN(auto opened, cql::Client::Open(std::move(client)));
  connect::CassandraTables tables{{project_.keyspaces, project_.types, {}},
                                  project_.cassandra->alter_schema};
  for (const auto& [name, table] : project_.tables) tables.schema.tables.push_back(table.schema);
  store_ = connect::MakeCassandraStore(std::move(store_), std::move(opened), std::move(tables));
  return {};
}

Status Workspace::OpenDatabase() {
  MR_TRY(io::CreateFoldersDurably(fs_, PathOf("meta")));
  MR_ASSIGN(database_, meta::SqliteDatabase::Open(PathOf("meta/millrace.db"), {}));
  return {};
}

Status Workspace::EnsureTopics() {
  std::vector<connect::WantedTopic> wanted = {{CursorTopicSpec(), false, ""}};
  if (!topics_->external()) wanted.push_back({connect::EpochsTopicSpec(), false, ""});
  for (const auto& [name, topic] : project_.topics) {
    wanted.push_back(
        {topic.spec, topic.declared,
         fmt::format("{}:{}:{}", project_.file, topic.where.line, topic.where.column)});
  }
  MR_ASSIGN(changes_, topics_->Ensure(wanted));
  return {};
}

Status Workspace::EnsureTables() {
  return store_->ChangeCatalog([this] { return EnsureEachTable(); });
}

Status Workspace::EnsureEachTable() {
  for (const store::Keyspace& keyspace : project_.keyspaces)
    MR_TRY(store_->CreateKeyspace(keyspace, true));
  for (const store::UserType& type : project_.types) MR_TRY(store_->CreateType(type, true));
  for (const auto& [name, table] : project_.tables) {
    const bool existed = store_->FindTable(table.schema.keyspace, table.schema.name).has_value();
    auto handle = store_->EnsureTable(table.schema);
    if (!handle) {
      return std::unexpected(std::move(handle.error())
                                 .WithContext(fmt::format("{}:{}:{}", table.file, table.where.line,
                                                          table.where.column)));
    }
    if (!existed) changes_.push_back(fmt::format("table {} made", name));
  }
  return {};
}

Result<store::TableHandle> Workspace::FindTable(const std::string& name) {
  MR_ASSIGN(const auto parts, SplitTableName(name));
  auto found = store_->FindTable(parts.first, parts.second);
  if (found) return found;
  std::vector<std::string> names;
  for (const store::TableHandle& table : store_->Tables())
    names.push_back(table->schema.FullName());
  const std::string nearest = sql::NearestName(name, names);
  return std::unexpected(Error{
      ErrorCode::kNotFound, fmt::format("no table {}", name),
      nearest.empty() ? "`millrace tables` lists them" : fmt::format("did you mean {}?", nearest)});
}

}  // namespace millrace::pipeline
