// TcpSocket: StreamSocket's descriptors; TlsSocket puts TLS on top. Within src/io only.
#pragma once

#include "io/stream_socket.h"

namespace millrace::io {

class TcpSocket : public StreamSocket {
 public:
  TcpSocket(int descriptor, int wake_descriptor)
      : descriptor_(descriptor), wake_descriptor_(wake_descriptor) {}
  ~TcpSocket() override;

  Result<size_t> Read(char* to, size_t size) override;
  Result<size_t> Write(std::string_view bytes) override;
  void Wait(bool for_write, std::chrono::milliseconds timeout) override;
  void Wake() override;

 protected:
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
  int wake_descriptor_;
};

// Connected and non-blocking.
struct ConnectedDescriptors {
  int socket = -1;
  int wake = -1;
};

// Does TLS's handshake on a connected socket, which it takes.
Result<std::unique_ptr<StreamSocket>> StartTls(ConnectedDescriptors connected,
                                               const StreamTarget& target);

}  // namespace millrace::io
