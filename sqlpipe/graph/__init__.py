"""Order, selection and identity of nodes; nothing here touches the world."""
