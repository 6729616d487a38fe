//! What is typed, line by line, for the examples that send it somewhere.

use std::time::Duration;

use ropewalk::{ByteStream, ConnectError, ReactorHandle, StdioEndpoint, StreamError, connect_stream};

use super::Outcome;

/// How long a line may be, in bytes.
const LINE_MAX: usize = 64 * 1024 * 1024;
/// How long answers are waited for when there is nothing more to say.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// Standard input, be it a person or a file.
pub(crate) struct Keyboard(ByteStream);

impl Keyboard {
    pub(crate) async fn open(reactor: &ReactorHandle) -> Result<Self, ConnectError> {
        Ok(Self(connect_stream(reactor, &StdioEndpoint::new()).await?))
    }

    /// Gives each line to `send`, without its end, and leaves time for an answer to the last.
    pub(crate) async fn for_each(mut self, mut send: impl AsyncFnMut(Vec<u8>) -> Outcome) -> Outcome {
        while let Some(line) = self.line().await? {
            send(line).await?;
        }
        self.0.transport().reactor().sleep(ANSWER_TIME).await;
        Ok(())
    }

    async fn line(&mut self) -> Result<Option<Vec<u8>>, StreamError> {
        let mut line = match self.0.read_until(b"\n", LINE_MAX).await {
            // Nobody needs to end the last line.
            Err(StreamError::Ended) => self.0.read().await?,
            line => line?,
        };
        if let Some(line) = line.as_mut().filter(|line| line.ends_with(b"\r")) {
            line.pop();
        }
        Ok(line)
    }
}
