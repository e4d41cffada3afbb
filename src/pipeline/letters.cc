#include "pipeline/letters.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/bytes.h"
#include "pipeline/query_definition.h"

namespace millrace::pipeline {
namespace {

constexpr std::string_view kMarksVersion = "1";

// Which topics each query of the project reads, so that nothing is addressed to nobody.
class Addressees {
 public:
  explicit Addressees(const Project& project) : project_(project) {}

  Status Check(const flow::DeadLetter& letter) const {
    const auto query = std::ranges::find(project_.queries, letter.query, &QueryDef::name);
    if (query == project_.queries.end()) {
      return std::unexpected(Error{
          ErrorCode::kConflict,
          fmt::format("the record {} was refused by query {}, which the project no longer has",
                      flow::ToString(letter.origin), letter.query),
          "replay the letters of another query with --query NAME"});
    }
    const std::vector<std::string> topics = StreamsOf(*query->plan);
    if (std::ranges::find(topics, letter.origin.topic) != topics.end()) return {};
    return std::unexpected(
        Error{ErrorCode::kConflict,
              fmt::format("the record {} was refused by query {}, which no longer reads topic {}",
                          flow::ToString(letter.origin), letter.query, letter.origin.topic),
              "nothing would take it"});
  }

 private:
  const Project& project_;
};

}  // namespace

std::vector<std::string> LetterTopics(const Project& project) {
  std::vector<std::string> topics;
  for (const QueryDef& query : project.queries) {
    for (const std::string& topic : {query.dead_letters, query.late}) {
      if (!topic.empty() && std::ranges::find(topics, topic) == topics.end())
        topics.push_back(topic);
    }
  }
  return topics;
}

Status CheckLetterTopic(const Project& project, const std::string& topic) {
  const std::vector<std::string> topics = LetterTopics(project);
  if (std::ranges::find(topics, topic) != topics.end()) return {};
  return Fail(ErrorCode::kNotFound, "{} is no dead-letter topic of a query", topic);
}

Result<ScanEnd> ScanLetters(Workspace& workspace, const std::string& topic, const MessageSeek& seek,
                            const ScanBudget& budget, const CancelToken& cancel,
                            const LetterVisitor& visit) {
  return ScanMessages(workspace.topics(), topic, seek, budget, cancel,
                      [&](PartitionId partition, const flow::RecordView& record) -> Result<bool> {
                        MR_ASSIGN(const flow::DeadLetter letter, flow::DecodeDeadLetter(record));
                        return visit(letter, partition, record);
                      });
}

Result<LetterGroups> GroupLetters(Workspace& workspace, int64_t scanned_max,
                                  const CancelToken& cancel) {
  using Key = std::tuple<std::string, std::string, std::string, std::string>;
  std::map<Key, LetterGroup> groups;
  LetterGroups result;
  for (const std::string& topic : LetterTopics(workspace.project())) {
    const auto add = [&](const flow::DeadLetter& letter, PartitionId,
                         const flow::RecordView&) -> Result<bool> {
      LetterGroup& group = groups[{topic, letter.query, letter.stage, letter.condition}];
      ++group.count;
      group.last_origin = letter.origin;
      group.last_message = letter.message;
      return true;
    };
    const ScanBudget budget{.scanned_max = scanned_max - result.scanned};
    MR_ASSIGN(const ScanEnd end, ScanLetters(workspace, topic, {}, budget, cancel, add));
    result.scanned += end.scanned;
    if (end.next) result.complete = false;
  }
  for (auto& [key, group] : groups) {
    std::tie(group.topic, group.query, group.stage, group.condition) = key;
    result.groups.push_back(std::move(group));
  }
  return result;
}

Status VisitLetters(Workspace& workspace, const std::string& topic, const CancelToken& cancel,
                    const std::function<Status(const flow::DeadLetter&, PartitionId,
                                               const flow::RecordView&)>& visit) {
  const auto each = [&](const flow::DeadLetter& letter, PartitionId partition,
                        const flow::RecordView& record) -> Result<bool> {
    MR_TRY(visit(letter, partition, record));
    return true;
  };
  MR_TRY(ScanLetters(workspace, topic, {}, {}, cancel, each));
  return {};
}

bool LetterFilter::Takes(const flow::DeadLetter& letter) const {
  return (query.empty() || query == letter.query) &&
         (condition.empty() || condition == letter.condition);
}

bool LetterFilter::Covers(const LetterFilter& other) const {
  return (query.empty() || query == other.query) &&
         (condition.empty() || condition == other.condition);
}

Result<ReplayMarks> ReplayMarks::Decode(std::string_view detail) {
  ReplayMarks marks;
  if (detail.empty()) return marks;
  ByteReader reader(detail);
  const bool known = reader.Bytes(kMarksVersion.size()) == kMarksVersion;
  for (uint64_t left = known ? reader.Varint() : 0; left > 0 && reader.ok(); --left) {
    Mark mark;
    mark.filter.query = reader.Bytes(reader.Varint());
    mark.filter.condition = reader.Bytes(reader.Varint());
    mark.partition = PartitionId(static_cast<int32_t>(reader.SignedVarint()));
    mark.end = Offset(reader.SignedVarint());
    marks.marks_.push_back(std::move(mark));
  }
  if (!known || !reader.ok() || reader.remaining() != 0) {
    return Fail(ErrorCode::kDamaged, "the marks of an earlier replay of {} bytes cannot be read",
                detail.size());
  }
  return marks;
}

std::string ReplayMarks::Encode() const {
  std::string detail(kMarksVersion);
  AppendVarint(detail, marks_.size());
  for (const Mark& mark : marks_) {
    for (const std::string* text : {&mark.filter.query, &mark.filter.condition}) {
      AppendVarint(detail, text->size());
      detail += *text;
    }
    AppendSignedVarint(detail, mark.partition.value);
    AppendSignedVarint(detail, mark.end.value);
  }
  return detail;
}

bool ReplayMarks::IsDone(const flow::DeadLetter& letter, PartitionId partition,
                         Offset offset) const {
  return std::ranges::any_of(marks_, [&](const Mark& mark) {
    return mark.partition == partition && offset < mark.end && mark.filter.Takes(letter);
  });
}

void ReplayMarks::Note(const LetterFilter& filter, PartitionId partition, Offset end) {
  // What the new mark covers needs no mark of its own.
  std::erase_if(marks_, [&](const Mark& mark) {
    return mark.partition == partition && mark.end <= end && filter.Covers(mark.filter);
  });
  marks_.push_back({filter, partition, end});
}

Result<ReplayedLetters> ReplayLetters(Workspace& workspace, const std::string& topic,
                                      const LetterFilter& filter, const CancelToken& cancel) {
  const std::string owner = "replay/" + topic;
  flow::TransactionalWriter& writer = workspace.topics().transactions();
  MR_ASSIGN(const auto last, writer.LastCommitted(owner));
  MR_ASSIGN(const ReplayMarks before, ReplayMarks::Decode(last ? last->detail : ""));
  MR_ASSIGN(const auto transaction, writer.Begin(owner));
  const Addressees addressees(workspace.project());
  ReplayMarks after = before;
  ReplayedLetters result;
  MR_TRY(VisitLetters(
      workspace, topic, cancel,
      [&](const flow::DeadLetter& letter, PartitionId partition,
          const flow::RecordView& record) -> Status {
        if (!filter.Takes(letter) || before.IsDone(letter, partition, record.offset)) return {};
        after.Note(filter, partition, record.offset + 1);
        if (letter.origin.partition.value < 0) {
          ++result.without_record;
          return {};
        }
        MR_TRY(addressees.Check(letter));
        ++result.replayed;
        return transaction->Append(
            letter.origin.topic, letter.origin.partition,
            {letter.key, letter.value, {{std::string(flow::kReplayQueryHeader), letter.query}}});
      }));
  if (cancel.cancelled())
    return Fail(ErrorCode::kCancelled, "the replay was cancelled; nothing was appended");
  if (result.replayed == 0) {
    MR_TRY(transaction->Abort());
    return result;
  }
  MR_TRY(transaction->Commit({owner, last ? last->sequence + 1 : 1, after.Encode()}));
  return result;
}

}  // namespace millrace::pipeline
