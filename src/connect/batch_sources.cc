#include "connect/batch_sources.h"

#include "connect/table_range.h"
#include "data/csv_reader.h"
#include "data/json_reader.h"

namespace millrace::connect {
namespace {

constexpr size_t kTopicBytesPerBatch = size_t{1} << 20;
constexpr size_t kRowsPerBatch = 4096;

class TableReader final : public engine::BatchReader {
 public:
  TableReader(store::Store& store, store::TableHandle table, store::ScanRequest request)
      : store_(store), table_(std::move(table)), request_(std::move(request)) {}

  Result<std::optional<data::Batch>> Next() override {
    if (done_) return std::optional<data::Batch>{};
    MR_ASSIGN(store::ScanPage page, store_.Scan(table_, request_));
    request_.paging_state = page.paging_state;
    done_ = page.paging_state.empty();
    return std::optional(std::move(page.rows));
  }

 private:
  store::Store& store_;
  store::TableHandle table_;
  store::ScanRequest request_;
  bool done_ = false;
};

class CsvFileReader final : public engine::BatchReader {
 public:
  static Result<std::unique_ptr<CsvFileReader>> Open(io::FileSystem& fs, const std::string& path,
                                                     const data::Schema& columns) {
    auto made = std::unique_ptr<CsvFileReader>(new CsvFileReader);
    MR_ASSIGN(made->text_, io::ReadWholeFile(fs, path));
    MR_ASSIGN(made->reader_, data::CsvReader::Make(made->text_, columns, {}));
    return made;
  }
  Result<std::optional<data::Batch>> Next() override {
    MR_ASSIGN(data::Batch batch, reader_->Next(kRowsPerBatch));
    if (batch.rows == 0) return std::optional<data::Batch>{};
    return std::optional(std::move(batch));
  }

 private:
  std::string text_;
  std::unique_ptr<data::CsvReader> reader_;
};

// The hidden columns of topics (sql::TopicMetadataColumns), made from the records.
Result<data::ColumnPtr> HiddenColumn(const std::string& name, const std::string& topic,
                                     PartitionId partition, const flow::RecordBlock& block) {
  std::vector<data::Value> values;
  const data::Schema hidden = sql::TopicMetadataColumns();
  const int index = hidden.IndexOf(name);
  for (const flow::RecordView& record : block.records) {
    if (name == "_key") {
      values.push_back(record.key == nullptr ? data::Value::Null()
                                             : data::Value::String(std::string(record.key_view())));
    } else if (name == "_topic") {
      values.push_back(data::Value::String(topic));
    } else if (name == "_partition") {
      values.push_back(data::Value::Int(partition.value));
    } else if (name == "_offset") {
      values.push_back(data::Value::Int(record.offset.value));
    } else if (name == "_timestamp") {
      values.push_back(data::Value::Int(record.timestamp.value * 1000));
    } else {
      MR_ASSIGN(const auto headers, flow::DecodeHeaders(record.raw_headers));
      data::Value::Pairs pairs;
      for (const flow::Header& header : headers) {
        pairs.emplace_back(data::Value::String(header.key), data::Value::String(header.value));
      }
      values.push_back(data::Value::MapOf(std::move(pairs)));
    }
  }
  return data::ColumnFromValues(*hidden.fields[static_cast<size_t>(index)].type, values);
}

class TopicReader final : public engine::BatchReader {
 public:
  static Result<std::unique_ptr<TopicReader>> Open(Topics& topics, const std::string& topic,
                                                   const data::Schema& columns,
                                                   uint64_t& unreadable) {
    auto made = std::unique_ptr<TopicReader>(new TopicReader(topic, columns, unreadable));
    MR_ASSIGN(made->source_, topics.OpenSource(topic, {}));
    // One cut: no transaction is seen by half.
    MR_ASSIGN(const auto cut, made->source_->Cut());
    for (const flow::PartitionCut& partition : cut) made->ranges_.push_back(partition.readable);
    data::Schema parsed;
    for (const data::Field& field : columns.fields) {
      if (sql::TopicMetadataColumns().IndexOf(field.name) < 0) parsed.fields.push_back(field);
    }
    if (!parsed.fields.empty()) {
      MR_ASSIGN(made->json_, data::JsonReader::Make(parsed));
    }
    return made;
  }

  Result<std::optional<data::Batch>> Next() override {
    while (partition_ < ranges_.size()) {
      flow::OffsetRange& range = ranges_[partition_];
      if (range.begin >= range.end) {
        ++partition_;
        continue;
      }
      const PartitionId id(static_cast<int32_t>(partition_));
      MR_ASSIGN(const flow::RecordBlock block,
                source_->Read(id, range.begin, range.end, kTopicBytesPerBatch));
      range.begin = block.next;
      if (block.records.empty()) continue;
      MR_ASSIGN(data::Batch batch, ToBatch(id, block));
      if (batch.rows > 0) return std::optional(std::move(batch));
    }
    return std::optional<data::Batch>{};
  }

 private:
  TopicReader(std::string topic, const data::Schema& columns, uint64_t& unreadable)
      : topic_(std::move(topic)),
        columns_(std::make_shared<const data::Schema>(columns)),
        unreadable_(unreadable) {}

  Result<data::Batch> ToBatch(PartitionId partition, const flow::RecordBlock& block) {
    data::RowErrors errors(block.records.size());
    data::Batch parsed;
    if (json_ != nullptr) {
      std::vector<std::string_view> values;
      for (const flow::RecordView& record : block.records) values.push_back(record.value_view());
      parsed = json_->Read(values, errors);
    }
    data::Batch batch{columns_, {}, block.records.size()};
    size_t next_parsed = 0;
    for (const data::Field& field : columns_->fields) {
      if (sql::TopicMetadataColumns().IndexOf(field.name) < 0) {
        batch.columns.push_back(parsed.columns[next_parsed++]);
      } else {
        MR_ASSIGN(data::ColumnPtr column, HiddenColumn(field.name, topic_, partition, block));
        batch.columns.push_back(std::move(column));
      }
    }
    if (!errors.empty()) DropRows(batch, errors);
    return batch;
  }

  void DropRows(data::Batch& batch, const data::RowErrors& errors) {
    unreadable_ += errors.count();
    std::vector<uint32_t> kept;
    for (uint32_t row = 0; row < batch.rows; ++row) {
      if (!errors.Has(row)) kept.push_back(row);
    }
    for (data::ColumnPtr& column : batch.columns) column = data::Column::Take(column, kept);
    batch.rows = kept.size();
  }

  std::string topic_;
  std::shared_ptr<const data::Schema> columns_;
  uint64_t& unreadable_;
  std::unique_ptr<flow::Source> source_;
  std::unique_ptr<data::JsonReader> json_;
  std::vector<flow::OffsetRange> ranges_;
  size_t partition_ = 0;
};

}  // namespace

Result<std::unique_ptr<engine::BatchReader>> LocalSources::Scan(
    const engine::ScanRequest& request) {
  const std::string& name = request.relation.name;
  switch (request.relation.kind) {
    case sql::RelationKind::kTable: {
      const size_t dot = name.find('.');
      MR_ASSIGN(store::TableHandle table,
                store_.FindTable(name.substr(0, dot),
                                 dot == std::string::npos ? "" : name.substr(dot + 1)));
      store::ScanRequest scan = TableRangeOf(*table, request.columns, request.filters);
      for (const data::Field& field : request.columns.fields) scan.columns.push_back(field.name);
      scan.rows_max = kRowsPerBatch;
      return std::make_unique<TableReader>(store_, std::move(table), std::move(scan));
    }
    case sql::RelationKind::kReference: {
      const auto path = references_.find(name);
      if (path == references_.end())
        return Fail(ErrorCode::kNotFound, "no reference file {}", name);
      MR_ASSIGN(auto reader, CsvFileReader::Open(fs_, path->second, request.columns));
      return reader;
    }
    case sql::RelationKind::kTopic:
    case sql::RelationKind::kStream: {
      MR_ASSIGN(auto reader, TopicReader::Open(topics_, name, request.columns, unreadable_));
      return reader;
    }
  }
  return Fail(ErrorCode::kInternal, "relation {} of unknown kind", name);
}

}  // namespace millrace::connect
