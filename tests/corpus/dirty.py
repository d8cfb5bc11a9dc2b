"""Backward passes with bad manners; `wrong` lists gradients whose values suffer too."""

from corpus import dirty_changes, dirty_form, dirty_state

DIRTY = dirty_changes.DIRTY + dirty_state.DIRTY + dirty_form.DIRTY
