#include "connect/cassandra_store.h"

#include <map>
#include <mutex>

#include "base/logging.h"
#include "connect/cassandra_select.h"
#include "cql/client/row_values.h"
#include "cql/client/table_sink.h"

namespace millrace::connect {
namespace {

using data::Value;

std::unexpected<Error> NotThere(std::string_view what) {
  return std::unexpected(Error{ErrorCode::kUnsupported,
                               fmt::format("{} is not there for tables in Cassandra", what),
                               "use a profile with roles.tables: embedded for it"});
}

class CassandraStore final : public store::Store {
 public:
  CassandraStore(std::unique_ptr<store::Store> state, std::unique_ptr<cql::Client> client,
                 CassandraTables tables)
      : state_(std::move(state)), client_(std::move(client)), tables_(std::move(tables)) {
    for (const store::TableSchema& table : tables_.schema.tables)
      handles_[table.FullName()] = std::make_shared<const store::Table>(0, table);
  }

  // --- Catalog.
  Status CreateKeyspace(const store::Keyspace&, bool) override { return SyncOnce(); }
  Status CreateType(const store::UserType&, bool) override { return SyncOnce(); }
  Result<store::TableHandle> EnsureTable(const store::TableSchema& wanted) override {
    MR_TRY(SyncOnce());
    return FindTable(wanted.keyspace, wanted.name);
  }
  Result<store::TableHandle> FindTable(std::string_view keyspace, std::string_view name) override {
    const auto found = handles_.find(fmt::format("{}.{}", keyspace, name));
    if (found != handles_.end()) return found->second;
    return Fail(ErrorCode::kNotFound, "no table {}.{}", keyspace, name);
  }
  std::vector<store::TableHandle> Tables() override {
    std::vector<store::TableHandle> all;
    for (const auto& [name, handle] : handles_) all.push_back(handle);
    return all;
  }
  std::vector<store::Keyspace> Keyspaces() override { return tables_.schema.keyspaces; }
  std::vector<store::UserType> Types() override { return tables_.schema.types; }
  // The cluster's changes are durable one by one.
  Status ChangeCatalog(const std::function<Status()>& body) override { return body(); }
  Status DropTable(std::string_view, std::string_view) override {
    return NotThere("dropping tables");
  }

  Result<store::TableHandle> CreateShadow(std::string_view, std::string_view) override {
    return NotThere("rebuilding a table (replay)");
  }
  Result<store::TableHandle> SwapShadow(const store::TableHandle&) override {
    return NotThere("rebuilding a table (replay)");
  }
  Status DropShadow(const store::TableHandle&) override {
    return NotThere("rebuilding a table (replay)");
  }

  // --- Writes.
  Result<std::unique_ptr<flow::TableWriter>> MakeTableWriter(
      const store::TableHandle& table, const data::Schema& incoming) override {
    return cql::MakeCassandraWriter(*client_, table->schema, incoming);
  }
  Status Apply(std::span<const store::Mutation>) override { return NotThere("a single mutation"); }
  Status Commit(flow::EpochWrite write) override {
    std::vector<const cql::BoundRows*> bound;
    for (const auto& rows : write.rows) {
      bound.push_back(dynamic_cast<const cql::BoundRows*>(rows.get()));
      if (bound.back() == nullptr)
        return Fail(ErrorCode::kInternal, "cassandra: rows that another store encoded");
    }
    if (Status written = cql::WriteRows(*client_, bound); !written)
      return std::unexpected(
          std::move(written.error())
              .WithContext(fmt::format("query {}, rows into Cassandra", write.query)));
    write.rows.clear();
    return state_->Commit(std::move(write));
  }

  // --- Reads.
  Result<store::ScanPage> Scan(const store::TableHandle& table,
                               const store::ScanRequest& request) override;
  Result<store::LookupResult> Lookup(const store::TableHandle& table,
                                     std::span<const data::ColumnPtr> keys,
                                     const std::vector<std::string>& columns) override;

  // --- Progress and state, care: the embedded store's.
  Result<flow::Progress> LoadProgress(const std::string& query) override {
    return state_->LoadProgress(query);
  }
  Status ScanState(
      const std::string& query, uint32_t operator_id,
      const std::function<bool(uint8_t, std::string_view, std::string_view)>& visit) override {
    return state_->ScanState(query, operator_id, visit);
  }
  Result<std::optional<std::string>> GetState(const std::string& query, uint32_t operator_id,
                                              uint8_t key_group, std::string_view key) override {
    return state_->GetState(query, operator_id, key_group, key);
  }
  Result<flow::Progress> FlushedProgress(const std::string& query) override {
    return state_->FlushedProgress(query);
  }
  Status Flush() override { return state_->Flush(); }
  Status DropQuery(const std::string& query) override { return state_->DropQuery(query); }
  // Of the state, which stays here.
  store::StoreMetrics Metrics() override { return state_->Metrics(); }
  Result<uint64_t> ApproximateBytes(const store::TableHandle& table) override {
    return Fail(ErrorCode::kUnsupported, "the size of {} is Cassandra's to tell",
                table->schema.FullName());
  }
  Status Checkpoint(const std::string& target_folder) override {
    return state_->Checkpoint(target_folder);
  }
  Status VerifyChecksums() override { return state_->VerifyChecksums(); }
  Status CompactAll() override { return state_->CompactAll(); }
  Status WaitUntilIdle() override { return state_->WaitUntilIdle(); }

 private:
  Status SyncOnce();
  // The rows of all pages, or of one when `paging_state` is given, which is then moved on.
  Result<std::vector<Value::List>> Rows(const CassandraSelect& select, size_t page_rows,
                                        std::string* paging_state);
  Result<std::vector<std::vector<Value::List>>> RowsOfEach(
      const std::vector<CassandraSelect>& selects);

  std::unique_ptr<store::Store> state_;
  std::unique_ptr<cql::Client> client_;
  const CassandraTables tables_;
  std::map<std::string, store::TableHandle> handles_;
  std::mutex sync_mutex_;
  bool synced_ = false;
};

Status CassandraStore::SyncOnce() {
  const std::lock_guard lock(sync_mutex_);
  if (synced_) return {};
  MR_ASSIGN(const cql::SchemaPlan plan, cql::CompareSchema(*client_, tables_.schema));
  MR_TRY(cql::ApplySchema(*client_, plan, tables_.alter));
  for (const cql::SchemaStep& step : plan.steps) {
    logging::Info("cassandra.schema_changed", {{"object", step.object}, {"reason", step.reason}});
  }
  synced_ = true;
  return {};
}

// By the answer's own columns or, where the node left them out, those that PREPARE told.
Result<std::vector<Value::List>> RowsOfPage(const cql::Answer& answer,
                                            const cql::PreparedStatement& statement) {
  if (answer.rows() == nullptr)
    return Fail(ErrorCode::kDamaged, "a SELECT was answered without rows: {}", statement.text);
  const auto& own = answer.rows()->metadata.columns;
  return cql::DecodeRows(*answer.rows(), own.empty() ? statement.columns : own);
}

Result<std::vector<Value::List>> CassandraStore::Rows(const CassandraSelect& select,
                                                      size_t page_rows, std::string* paging_state) {
  MR_ASSIGN(const cql::PreparedPtr statement, client_->Prepare(select.text));
  std::vector<Value::List> all;
  std::string state = paging_state == nullptr ? "" : *paging_state;
  do {
    MR_ASSIGN(const cql::Answer answer,
              client_->Execute(*statement, {.page_rows = static_cast<int32_t>(page_rows),
                                            .paging_state = state,
                                            .token = select.token,
                                            .value_count = select.value_count,
                                            .values = select.values}));
    MR_ASSIGN(auto rows, RowsOfPage(answer, *statement));
    all.insert(all.end(), std::make_move_iterator(rows.begin()),
               std::make_move_iterator(rows.end()));
    state = answer.rows()->metadata.paging_state;
  } while (paging_state == nullptr && !state.empty());
  if (paging_state != nullptr) *paging_state = std::move(state);
  return all;
}

Result<store::ScanPage> CassandraStore::Scan(const store::TableHandle& table,
                                             const store::ScanRequest& request) {
  store::ScanPage page{.rows = {}, .paging_state = request.paging_state};
  const auto select = SelectOf(*table, request);
  if (!select) {
    if (select.error().code != ErrorCode::kInvalidArgument) return std::unexpected(select.error());
    // The value of a key is none of its column: no row has it.
    MR_ASSIGN(const CassandraSelect all, SelectOf(*table, {.columns = request.columns,
                                                           .write_times = request.write_times,
                                                           .ttls = request.ttls}));
    page.paging_state.clear();
    MR_ASSIGN(page.rows, BatchOf(all, {}));
    return page;
  }
  MR_ASSIGN(const auto rows, Rows(*select, request.rows_max, &page.paging_state));
  MR_ASSIGN(page.rows, BatchOf(*select, rows));
  return page;
}

// The rows of each of `selects`, which differ in their values only.
Result<std::vector<std::vector<Value::List>>> CassandraStore::RowsOfEach(
    const std::vector<CassandraSelect>& selects) {
  constexpr int32_t kPageRows = 1000;
  std::vector<std::vector<Value::List>> all;
  if (selects.empty()) return all;
  MR_ASSIGN(const cql::PreparedPtr statement, client_->Prepare(selects[0].text));
  std::vector<cql::ReadParameters> reads;
  for (const CassandraSelect& select : selects)
    reads.push_back({.page_rows = kPageRows,
                     .token = select.token,
                     .value_count = select.value_count,
                     .values = select.values});
  MR_ASSIGN(const std::vector<cql::Answer> answers, client_->ExecuteMany(*statement, reads));
  for (size_t i = 0; i < answers.size(); ++i) {
    MR_ASSIGN(auto rows, RowsOfPage(answers[i], *statement));
    std::string state(answers[i].rows()->metadata.paging_state);
    while (!state.empty()) {
      MR_ASSIGN(auto more, Rows(selects[i], kPageRows, &state));
      rows.insert(rows.end(), std::make_move_iterator(more.begin()),
                  std::make_move_iterator(more.end()));
    }
    all.push_back(std::move(rows));
  }
  return all;
}

Result<store::LookupResult> CassandraStore::Lookup(const store::TableHandle& table,
                                                   std::span<const data::ColumnPtr> keys,
                                                   const std::vector<std::string>& columns) {
  const size_t count = keys.empty() ? 0 : keys[0]->length();
  std::vector<CassandraSelect> selects;                // one for each key there is
  std::map<std::string, size_t> known;                 // by the encoded key: its select
  std::vector<std::pair<uint32_t, size_t>> key_reads;  // row of `keys`, its select
  for (size_t row = 0; row < count; ++row) {
    store::ScanRequest request{.columns = columns};
    request.partition.emplace();
    bool has_null = false;
    for (size_t i = 0; i < keys.size(); ++i) {
      Value value = keys[i]->ValueAt(row);
      has_null = has_null || value.is_null();
      (i < table->partition_count() ? *request.partition : request.clustering.equal)
          .push_back(std::move(value));
    }
    if (has_null) continue;
    auto select = SelectOf(*table, request);
    // A value that can be no key is the key of no row.
    if (!select && select.error().code == ErrorCode::kInvalidArgument) continue;
    if (!select) return std::unexpected(select.error());
    const auto [at, is_new] = known.emplace(select->values, selects.size());
    if (is_new) selects.push_back(std::move(*select));
    key_reads.emplace_back(static_cast<uint32_t>(row), at->second);
  }
  MR_ASSIGN(const auto rows, RowsOfEach(selects));
  store::LookupResult result;
  std::vector<Value::List> found;
  for (const auto& [row, select] : key_reads) {
    found.insert(found.end(), rows[select].begin(), rows[select].end());
    result.key_rows.resize(found.size(), row);
  }
  MR_ASSIGN(const CassandraSelect shape, SelectOf(*table, {.columns = columns}));
  MR_ASSIGN(result.rows, BatchOf(shape, found));
  return result;
}

}  // namespace

std::unique_ptr<store::Store> MakeCassandraStore(std::unique_ptr<store::Store> state,
                                                 std::unique_ptr<cql::Client> client,
                                                 CassandraTables tables) {
  return std::make_unique<CassandraStore>(std::move(state), std::move(client), std::move(tables));
}

}  // namespace millrace::connect
