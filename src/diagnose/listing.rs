//! LISTING: an answer of /api/ps, which models are loaded and how.

use std::time::SystemTime;

use super::seen::Loaded;

/// One answer of /api/ps.
#[derive(Clone, Debug)]
pub struct Listing {
    /// When it was asked for.
    pub asked: SystemTime,
    pub models: Vec<Listed>,
}

/// A model in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    /// Folded.
    pub model: String,
    /// Of its manifest: another one is another model.
    pub digest: Option<String>,
    /// Such as `Q4_K_M`.
    pub quantization: Option<String>,
    pub loaded: Loaded,
    /// When it is unloaded if nobody asks for it; older versions do not say.
    pub expires: Option<SystemTime>,
}

impl Listing {
    pub fn find(&self, model: &str) -> Option<&Listed> {
        self.models.iter().find(|listed| listed.model == model)
    }
}

/// The file that a model's weights are in, by the `modelfile` of /api/show: names of one file push
/// each other out.
pub fn file(modelfile: &str) -> Option<&str> {
    let mut lines = modelfile.lines().map(str::trim);
    let from = lines.find_map(|line| line.strip_prefix("FROM "))?;
    let name = from.rsplit(['/', '\\']).next()?.trim();
    name.starts_with("sha256").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_model_is_the_blob_that_its_modelfile_names() {
        for (modelfile, name) in [
            (
                "# Modelfile\n\nFROM /models/blobs/sha256-8835f0\nTEMPLATE x",
                Some("sha256-8835f0"),
            ),
            (
                "FROM C:\\models\\blobs\\sha256-8835f0\r\n",
                Some("sha256-8835f0"),
            ),
            ("FROM qwen3:30b", None),
            ("# FROM /blobs/sha256-1", None),
            ("", None),
        ] {
            assert_eq!(file(modelfile), name, "{modelfile}");
        }
    }
}
