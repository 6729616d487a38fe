//! What the two ends write to each other besides the bytes of files: JSON, as the original has it.

use ropewalk::Result;
use serde_json::{Value, json};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Letter {
    UploadRequest { size: u64, path: String },
    DownloadRequest { path: String },
    DownloadConfirmation { size: u64 },
    Confirmed,
    Rejected { reason: String },
    Close,
}

impl Letter {
    /// Byte for byte as the original has it.
    pub(crate) fn to_json(&self) -> String {
        let (kind, letter) = match self {
            Self::UploadRequest { size, path } => {
                ("upload-request", format!(r#""file_size":{size},"destination_path":{}"#, json!(path)))
            }
            Self::DownloadRequest { path } => {
                ("download-request", format!(r#""download_path":{}"#, json!(path)))
            }
            Self::DownloadConfirmation { size } => {
                ("download-confirmation", format!(r#""file_size":{size}"#))
            }
            Self::Confirmed => ("confirmed", String::new()),
            Self::Rejected { reason } => ("rejected", format!(r#""reason":{}"#, json!(reason))),
            Self::Close => ("close", String::new()),
        };
        format!(r#"{{"type":"{kind}","letter":{{{letter}}}}}"#)
    }

    /// None if it is of a type that nobody knows.
    pub(crate) fn from_json(message: &[u8]) -> Result<Option<Self>> {
        let value: Value = serde_json::from_slice(message)?;
        let letter = &value["letter"];
        let text = |field: &str| {
            letter[field].as_str().map(str::to_owned).ok_or_else(|| format!("a letter has no {field}"))
        };
        let size = || letter["file_size"].as_u64().ok_or("a letter has no file_size");
        Ok(Some(match value["type"].as_str().ok_or("a letter has no type")? {
            "upload-request" => Self::UploadRequest { size: size()?, path: text("destination_path")? },
            "download-request" => Self::DownloadRequest { path: text("download_path")? },
            "download-confirmation" => Self::DownloadConfirmation { size: size()? },
            "confirmed" => Self::Confirmed,
            "rejected" => Self::Rejected { reason: text("reason")? },
            "close" => Self::Close,
            _ => return Ok(None),
        }))
    }
}
