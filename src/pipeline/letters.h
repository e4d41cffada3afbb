// Letters: the dead letters of a project, visited, grouped by reason and replayed.
//
// A replay appends refused records to the topics they came from, addressed to the query that
// refused them (flow::kReplayQueryHeader): other queries of those topics pass them by. What was
// replayed is remembered in the transaction that did it, as marks: up to which offset of a
// partition the letters of a query and condition are done. So a letter is replayed once, whichever
// conditions were asked for in which order, and the memory is bounded by the kinds of letters.
//
// Thread contract: one thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "flow/dead_letter.h"
#include "pipeline/message_scan.h"
#include "pipeline/workspace.h"

namespace millrace::pipeline {

// The topics that queries of the project name for refused and late records, without doubles.
std::vector<std::string> LetterTopics(const Project& project);
// kNotFound: it is none of them.
Status CheckLetterTopic(const Project& project, const std::string& topic);

struct LetterGroup {
  std::string topic;
  std::string query;
  std::string stage;
  std::string condition;
  int64_t count = 0;
  flow::Origin last_origin = {};
  std::string last_message = {};
};
struct LetterGroups {
  std::vector<LetterGroup> groups;
  int64_t scanned = 0;
  bool complete = true;  // false: `scanned_max` letters were looked at and there are more
};
// Groups come by topic, query, stage and condition. There are as many as reasons, not as letters.
Result<LetterGroups> GroupLetters(Workspace& workspace, int64_t scanned_max,
                                  const CancelToken& cancel);

// Letters in (partition, offset) order; as ScanMessages, over decoded records.
// kInvalidArgument: a record that is no dead letter.
using LetterVisitor =
    std::function<Result<bool>(const flow::DeadLetter&, PartitionId, const flow::RecordView&)>;
Result<ScanEnd> ScanLetters(Workspace& workspace, const std::string& topic, const MessageSeek& seek,
                            const ScanBudget& budget, const CancelToken& cancel,
                            const LetterVisitor& visit);

// Calls `visit` for every dead letter of `topic`, partition by partition, until cancelled.
// kInvalidArgument: a record that is no dead letter.
Status VisitLetters(Workspace& workspace, const std::string& topic, const CancelToken& cancel,
                    const std::function<Status(const flow::DeadLetter&, PartitionId,
                                               const flow::RecordView&)>& visit);

// Which letters; an empty text stands for any.
struct LetterFilter {
  std::string query;
  std::string condition;

  bool Takes(const flow::DeadLetter& letter) const;
  bool Covers(const LetterFilter& other) const;
  friend bool operator==(const LetterFilter&, const LetterFilter&) = default;
};

class ReplayMarks {
 public:
  // kDamaged when `detail` is none of Encode's.
  static Result<ReplayMarks> Decode(std::string_view detail);
  std::string Encode() const;

  bool IsDone(const flow::DeadLetter& letter, PartitionId partition, Offset offset) const;
  // The letters of `partition` before `end` that the filter takes are done.
  void Note(const LetterFilter& filter, PartitionId partition, Offset end);

 private:
  struct Mark {
    LetterFilter filter;
    PartitionId partition;
    Offset end;
  };
  std::vector<Mark> marks_;
};

struct ReplayedLetters {
  int64_t replayed = 0;
  int64_t without_record = 0;  // about a window's row: there is no record to append
};

// kNotFound: the project has no such topic any more; kConflict: a letter's query is no longer in
// the project, or no longer reads the topic the record came from.
Result<ReplayedLetters> ReplayLetters(Workspace& workspace, const std::string& topic,
                                      const LetterFilter& filter, const CancelToken& cancel);

}  // namespace millrace::pipeline
