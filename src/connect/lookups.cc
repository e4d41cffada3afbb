// Look-ups: reference files with their versions, and tables of the store.
#include <algorithm>
#include <numeric>

#include "base/hash.h"
#include "base/logging.h"
#include "connect/connectors.h"
#include "connect/reference.h"

namespace millrace::connect {
namespace {

constexpr uint64_t kReferenceBytesMax = uint64_t{256} << 20;

Result<engine::LookupTablePtr> ParseReference(const sql::Plan& node, std::string_view text,
                                              uint64_t version) {
  auto batch = ReadReference(text, node.relation.schema, node.relation.key);
  if (!batch) return Fail(ErrorCode::kInvalidArgument, "{}", batch.error().message);
  return engine::MakeBatchLookup(*std::move(batch), node.lookup_columns, version);
}

// A reference file. Its version is the hash of its bytes; each version in use is kept as a copy
// <folder>/<query>/<relation>-<hash>.csv, written before an intent can name it.
class ReferenceFile final : public engine::LookupSource {
 public:
  ReferenceFile(io::FileSystem& fs, const sql::Plan& node, std::string path,
                const LookupFiles& files)
      : fs_(fs),
        node_(node),
        path_(std::move(path)),
        folder_(files.query.empty() ? files.folder : io::JoinPath(files.folder, files.query)),
        owns_copies_(!files.query.empty()) {}

  Result<engine::LookupTablePtr> Current() override {
    const auto modified_us = fs_.ModifiedUs(path_);
    const auto size = fs_.FileSize(path_);
    if (modified_us.has_value() && size.has_value() && current_ != nullptr &&
        *modified_us == modified_us_ && *size == size_) {
      return current_;
    }
    auto loaded = Load();
    if (loaded.has_value()) {
      current_ = *std::move(loaded);
      modified_us_ = modified_us.value_or(0);
      size_ = size.value_or(0);
      return current_;
    }
    if (current_ == nullptr)
      return std::unexpected(std::move(loaded).error().WithContext("reference " + path_));
    logging::Warning("reference.not_reloaded",
                     {{"file", path_}, {"error", loaded.error().ToString()}});
    // Looked at again when it changes once more.
    modified_us_ = modified_us.value_or(0);
    size_ = size.value_or(0);
    return current_;
  }

  Result<engine::LookupTablePtr> At(uint64_t version) override {
    if (current_ != nullptr && current_->version() == version) return current_;
    const std::string copy = CopyPath(version);
    auto text = io::ReadWholeFile(fs_, copy, kReferenceBytesMax);
    if (!text.has_value()) {
      return std::unexpected(
          std::move(text).error().WithContext("the version of a reference that an epoch used"));
    }
    if (Hash64(*text) != version)
      return Fail(ErrorCode::kDamaged, "{}: its bytes are not those it was written with", copy);
    return ParseReference(node_, *text, version);
  }

  void Keep(std::span<const uint64_t> versions) override {
    if (!owns_copies_) return;
    std::vector<std::string> kept;
    for (const uint64_t version : versions) kept.push_back(CopyName(version));
    if (current_ != nullptr) kept.push_back(CopyName(current_->version()));
    const auto entries = fs_.List(folder_);
    if (!entries.has_value()) return;
    for (const io::FolderEntry& entry : *entries) {
      if (!entry.name.starts_with(node_.relation.name + "-")) continue;
      if (std::ranges::find(kept, entry.name) != kept.end()) continue;
      const Status removed = fs_.RemoveFile(io::JoinPath(folder_, entry.name));
      if (!removed.has_value())
        logging::Warning("reference.copy_not_removed", {{"error", removed.error().ToString()}});
    }
  }

 private:
  std::string CopyName(uint64_t version) const {
    return fmt::format("{}-{:016x}.csv", node_.relation.name, version);
  }
  std::string CopyPath(uint64_t version) const { return io::JoinPath(folder_, CopyName(version)); }

  Result<engine::LookupTablePtr> Load() {
    MR_ASSIGN(const std::string text, io::ReadWholeFile(fs_, path_, kReferenceBytesMax));
    const uint64_t version = std::max<uint64_t>(Hash64(text), 1);
    if (current_ != nullptr && current_->version() == version) return current_;
    MR_ASSIGN(auto table, ParseReference(node_, text, version));
    if (!fs_.Exists(CopyPath(version))) {
      MR_TRY(io::CreateFoldersDurably(fs_, folder_));
      MR_TRY(io::WriteFileAtomically(fs_, CopyPath(version), text));
    } else if (current_ == nullptr) {
      // Whoever wrote it may have been killed before its name was durable.
      MR_TRY(fs_.SyncFolder(folder_));
    }
    return table;
  }

  io::FileSystem& fs_;
  const sql::Plan& node_;
  const std::string path_;
  const std::string folder_;
  const bool owns_copies_;
  engine::LookupTablePtr current_;
  int64_t modified_us_ = 0;
  uint64_t size_ = 0;
};

// A table of the store, as it is at the moment of each look-up.
class StoredTable final : public engine::LookupTable, public engine::LookupSource {
 public:
  StoredTable(store::Store& store, store::TableHandle table, const sql::Plan& node)
      : store_(store), table_(std::move(table)) {
    for (const data::Field& field : node.relation.schema.fields) columns_.push_back(field.name);
  }

  // Brings the look-up's columns into the order of the table's key.
  Status OrderKeys(const sql::Plan& node) {
    const size_t wanted = node.lookup_columns.size();
    if (wanted != table_->partition_count() && wanted != table_->key_count()) {
      return Fail(ErrorCode::kUnsupported,
                  "table {} is looked up by {} columns; it can be by its partition key ({}) or its "
                  "whole primary key ({})",
                  node.relation.name, wanted, table_->partition_count(), table_->key_count());
    }
    for (size_t i = 0; i < wanted; ++i) {
      const std::string& name = table_->schema.columns[i].name;
      const auto found = std::ranges::find_if(node.lookup_columns, [&](int column) {
        return data::EqualsIgnoringCase(
            node.relation.schema.fields[static_cast<size_t>(column)].name, name);
      });
      if (found == node.lookup_columns.end()) {
        return Fail(ErrorCode::kUnsupported, "the look-up in table {} lacks its key column {}",
                    node.relation.name, name);
      }
      key_order_.push_back(static_cast<size_t>(found - node.lookup_columns.begin()));
    }
    return {};
  }

  uint64_t version() const override { return 0; }
  Result<engine::LookupMatches> Find(std::span<const data::ColumnPtr> keys,
                                     size_t rows) const override {
    if (rows == 0) return engine::LookupMatches{};
    std::vector<data::ColumnPtr> ordered;
    for (const size_t key : key_order_) ordered.push_back(keys[key]);
    MR_ASSIGN(store::LookupResult found, store_.Lookup(table_, ordered, columns_));
    engine::LookupMatches matches;
    matches.table_rows.resize(found.rows.rows);
    std::iota(matches.table_rows.begin(), matches.table_rows.end(), 0u);
    matches.key_rows = std::move(found.key_rows);
    matches.table = std::move(found.rows);
    return matches;
  }

  Result<engine::LookupTablePtr> Current() override { return self_.lock(); }
  Result<engine::LookupTablePtr> At(uint64_t) override { return self_.lock(); }
  void Keep(std::span<const uint64_t>) override {}

  static Result<std::shared_ptr<StoredTable>> Open(store::Store& store, const sql::Plan& node) {
    const std::string& name = node.relation.name;
    const size_t dot = name.find('.');
    if (dot == std::string::npos)
      return Fail(ErrorCode::kInvalidArgument, "table {} has no keyspace in its name", name);
    MR_ASSIGN(auto handle, store.FindTable(name.substr(0, dot), name.substr(dot + 1)));
    auto table = std::make_shared<StoredTable>(store, std::move(handle), node);
    table->self_ = table;
    MR_TRY(table->OrderKeys(node));
    return table;
  }

 private:
  store::Store& store_;
  store::TableHandle table_;
  std::vector<std::string> columns_;
  std::vector<size_t> key_order_;  // i-th key column of the table: which look-up column
  std::weak_ptr<const StoredTable> self_;
};

}  // namespace

engine::LookupOpener MakeLookupOpener(store::Store& store, io::FileSystem& fs, LookupFiles files) {
  return [&store, &fs, files = std::move(files)](
             const sql::Plan& node) -> Result<std::shared_ptr<engine::LookupSource>> {
    const std::string& name = node.relation.name;
    if (node.relation.kind == sql::RelationKind::kTable) return StoredTable::Open(store, node);
    if (node.relation.kind != sql::RelationKind::kReference)
      return Fail(ErrorCode::kUnsupported, "{} is neither a table nor a reference file", name);
    const auto path = files.paths.find(name);
    if (path == files.paths.end())
      return Fail(ErrorCode::kNotFound, "reference {} has no file", name);
    return std::make_shared<ReferenceFile>(fs, node, path->second, files);
  };
}

}  // namespace millrace::connect
