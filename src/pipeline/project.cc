#include "pipeline/project.h"

#include <algorithm>

#include "pipeline/listen_address.h"
#include "pipeline/project_loader.h"
#include "store/sql_types.h"

namespace millrace::pipeline {
namespace {

constexpr uint64_t kFileBytesMax = uint64_t{64} << 20;

// How far in the first line that is not empty stands, from line `line` (from 1) on.
int BlockIndent(std::string_view text, int line) {
  while (--line > 0) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  const size_t first = text.find_first_not_of(" \r\n");
  if (first == std::string_view::npos) return 0;
  const size_t line_start = text.substr(0, first).rfind('\n') + 1;
  return static_cast<int>(first - line_start);
}

bool HasError(const Problems& problems) {
  return std::ranges::any_of(problems, [](const Problem& problem) { return !problem.is_warning; });
}

}  // namespace

Problem SourceText::At(const sql::Diagnostic& diagnostic, bool is_warning) const {
  sql::Location where = start;
  if (!folded) {
    where.column =
        diagnostic.where.column + (diagnostic.where.line == 1 ? start.column - 1 : indent);
    where.line = diagnostic.where.line + start.line - 1;
  }
  const std::string message =
      diagnostic.condition.empty()
          ? diagnostic.message
          : fmt::format("[{}] {}", diagnostic.condition, diagnostic.message);
  return {file, where, message, diagnostic.suggestion, is_warning};
}

ProjectLoader::ProjectLoader(io::FileSystem& fs, std::string file, const LoadOptions& options,
                             Problems& problems)
    : fs_(fs), file_(std::move(file)), options_(options), problems_(problems) {}

Project ProjectLoader::Load() {
  project_.file = file_;
  project_.folder = io::FolderOf(file_);
  auto text = io::ReadWholeFile(fs_, file_, kFileBytesMax);
  if (!text) {
    problems_.push_back(
        {file_, {}, text.error().message, "name a project file, or make one with `millrace init`"});
    return std::move(project_);
  }
  text_ = std::move(*text);
  const Node root = ParseDocument(file_, text_, options_.environment, problems_);
  if (root.kind == Node::Kind::kNull && HasError(problems_)) return std::move(project_);
  CheckAgainstSettings(file_, root, problems_);
  const Section section("", &root);
  LoadSettings(section);
  // Problems of the text itself are known from the first reading.
  Problems known;
  project_.effective_settings = EffectiveSettings(ParseDocument(file_, text_, {}, known));
  LoadProfile(section);
  LoadTopics(section);
  LoadReferences(section);
  LoadTables(section);
  CheckTablesRole();
  LoadQueries(section);
  LoadPools(section);
  LoadDags(section);
  LoadTests(section);
  return std::move(project_);
}

void ProjectLoader::LoadSettings(const Section& root) {
  project_.name = root.Text("name");
  project_.description = root.Text("description");
  project_.data_folder =
      options_.data_folder.empty() ? PathOf(root.Text("data")) : options_.data_folder;
  RuntimeSettings& settings = project_.settings;
  settings.listen = root.Child("api").Text("listen");
  if (const auto address = ParseListenAddress(settings.listen); !address) {
    Error(root.Child("api").Where("listen"), address.error().message, address.error().hint);
  }
  const Section log = root.Child("log");
  settings.durability =
      log.Text("durability") == "os" ? log::Durability::kOs : log::Durability::kSync;
  settings.log_segment_bytes = static_cast<uint64_t>(log.Bytes("segment_bytes"));
  settings.log_disk_budget = static_cast<uint64_t>(log.Bytes("disk_budget"));
  const Section engine = root.Child("engine");
  settings.engine_threads = static_cast<int>(engine.Integer("threads"));
  settings.epoch_bytes = static_cast<uint64_t>(engine.Bytes("epoch_bytes"));
  settings.epoch_interval_us = engine.DurationUs("epoch_interval");
  const Section store = root.Child("store");
  settings.store_memory = static_cast<uint64_t>(store.Bytes("memory"));
  settings.flush_bytes = static_cast<uint64_t>(store.Bytes("flush_bytes"));
  settings.flush_interval_us = store.DurationUs("flush_interval");
  settings.store_shards = static_cast<int>(store.Integer("shards"));
  settings.shutdown_timeout_us = root.DurationUs("shutdown_timeout");
}

void ProjectLoader::LoadTests(const Section& root) {
  if (root.Has("tests")) {
    for (const std::string& name : root.Texts("tests")) {
      const std::string path = PathOf(name);
      if (!fs_.Exists(path)) Error(root.Where("tests"), fmt::format("no file {}", path));
      project_.test_files.push_back(path);
    }
    return;
  }
  const std::string folder = PathOf("tests");
  if (!fs_.Exists(folder)) return;
  const auto entries = fs_.List(folder);
  for (size_t i = 0; entries && i < entries->size(); ++i) {
    const std::string& name = (*entries)[i].name;
    if (name.ends_with(".yaml") || name.ends_with(".yml"))
      project_.test_files.push_back(io::JoinPath(folder, name));
  }
}

SourceText ProjectLoader::TextOrFile(const Section& section, std::string_view name,
                                     std::string_view extension) {
  const Node* node = section.Find(name);
  if (section.IsUnresolved(name)) return {.file = file_, .text = {}, .unreadable = true};
  return node == nullptr ? SourceText{file_, "", {1, 1}, 0} : TextOrFile(*node, extension);
}

SourceText ProjectLoader::TextOrFile(const Node& node, std::string_view extension) {
  if (node.unresolved) return {.file = file_, .text = {}, .unreadable = true};
  if (node.text.ends_with(extension) && node.text.find('\n') == std::string::npos) {
    const std::string path = PathOf(node.text);
    auto text = io::ReadWholeFile(fs_, path, kFileBytesMax);
    if (text) return {path, std::move(*text), {1, 1}, 0};
    Error(node.where, text.error().message,
          fmt::format("a name that ends in {} is read as a file", extension));
    return {.file = path, .text = {}, .unreadable = true};
  }
  return TextOf(node);
}

SourceText ProjectLoader::TextOf(const Node& node) const {
  SourceText source{file_, node.text, node.where, 0};
  if (node.quoted && !node.block) ++source.start.column;  // behind the quote
  if (node.block) {
    // The text of a block scalar begins on the line below.
    source.indent = BlockIndent(text_, node.where.line + 1);
    source.start = {node.where.line + 1, 1 + source.indent};
    source.folded = node.folded;
  }
  return source;
}

std::string ProjectLoader::PathOf(const std::string& relative) const {
  return relative.starts_with('/') ? relative : io::JoinPath(project_.folder, relative);
}

void ProjectLoader::Error(sql::Location where, std::string message, std::string suggestion) {
  problems_.push_back({file_, where, std::move(message), std::move(suggestion)});
}

void ProjectLoader::Add(const SourceText& source, const std::vector<sql::Diagnostic>& diagnostics,
                        bool warnings) {
  for (const sql::Diagnostic& diagnostic : diagnostics) {
    if (!FollowsFromAnother(diagnostic)) problems_.push_back(source.At(diagnostic, warnings));
  }
}

bool ProjectLoader::FollowsFromAnother(const sql::Diagnostic& diagnostic) const {
  return (tables_unreadable_ && diagnostic.condition == "TABLE_OR_VIEW_NOT_FOUND") ||
         (event_times_wrong_ &&
          diagnostic.condition == "UNSUPPORTED_STREAMING.WINDOW_WITHOUT_WATERMARK");
}

Result<Project> LoadProject(io::FileSystem& fs, const std::string& file, const LoadOptions& options,
                            Problems& problems) {
  Project project = ProjectLoader(fs, file, options, problems).Load();
  std::ranges::stable_sort(problems, {}, [&](const Problem& problem) {
    return std::tuple(problem.file != file, problem.file, problem.where.line, problem.where.column);
  });
  if (HasError(problems)) {
    return Fail(ErrorCode::kInvalidArgument, "{}: {} problem(s)", file, problems.size());
  }
  return project;
}

std::string FindDataFolder(io::FileSystem& fs, const std::string& file,
                           const LoadOptions& options) {
  const auto text = io::ReadWholeFile(fs, file, kFileBytesMax);
  if (!text) return {};
  Problems ignored;  // LoadProject reports them
  const Node root = ParseDocument(file, *text, options.environment, ignored);
  if (root.kind != Node::Kind::kMap) return {};
  const std::string data = Section("", &root).Text("data");
  return data.starts_with('/') ? data : io::JoinPath(io::FolderOf(file), data);
}

ProjectCatalog::ProjectCatalog(const Project& project, bool streaming) {
  for (const auto& [name, topic] : project.topics) {
    sql::Relation relation;
    relation.name = name;
    relation.kind = streaming ? sql::RelationKind::kStream : sql::RelationKind::kTopic;
    relation.schema = topic.schema;
    relation.event_time = topic.event_time;
    relation.watermark_delay_us = topic.watermark_delay_us;
    relations_.emplace(name, std::move(relation));
  }
  for (const auto& [name, reference] : project.references) {
    sql::Relation relation;
    relation.name = name;
    relation.kind = sql::RelationKind::kReference;
    relation.schema = reference.schema;
    relation.key = reference.key;
    relations_.emplace(name, std::move(relation));
  }
  for (const auto& [name, table] : project.tables) {
    sql::Relation relation;
    relation.name = name;
    relation.kind = sql::RelationKind::kTable;
    relation.schema = store::SqlSchemaOf(table.schema);
    for (const store::ColumnSchema& column : table.schema.columns) {
      if (column.kind == store::ColumnKind::kPartitionKey ||
          column.kind == store::ColumnKind::kClustering) {
        relation.key.push_back(column.name);
      }
    }
    relation.partition_key_size = table.schema.partition_count();
    relations_.emplace(name, std::move(relation));
  }
}

const sql::Relation* ProjectCatalog::Find(std::string_view name) const {
  const auto found = relations_.find(name);
  return found == relations_.end() ? nullptr : &found->second;
}

std::vector<std::string> ProjectCatalog::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, relation] : relations_) names.push_back(name);
  return names;
}

}  // namespace millrace::pipeline
