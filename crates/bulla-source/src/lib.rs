//! Git objects, commit signatures and the export of a commit's tree.
